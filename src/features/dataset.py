"""Training sets without peeking: features as of a cut-off, labels from the time after it.

Time is cut from the end: the last horizon before `as_of` is the test slice, the horizon before
it the validation slice, and training cut-offs step back from there. Each slice's labels are
known before the next slice's cut-off begins, so nothing learnt has seen what it is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb
import pandas as pd

from core import columns as c
from core.clock import DAY, MICROSECOND, from_us, to_us
from core.errors import DataError, NotEnoughDataError
from core.ids import digest
from features.engine import content_digest, feature_frame
from features.feature import Feature, definitions_digest, names
from features.labels import did
from features.registry import PROPENSITY
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED

MIN_OF_A_CLASS: Final = 100
MIN_HORIZONS: Final = 3  # history before the test slice: one to learn from, one label each


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Instants at which customers are looked at; each label spans `horizon` from its cut-off."""

    training: tuple[datetime, ...]  # oldest first
    validation: datetime
    test: datetime
    horizon: timedelta

    @property
    def all(self) -> tuple[datetime, ...]:
        """Every cut-off, oldest first."""
        return (*self.training, self.validation, self.test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows to learn from and to be judged by: identifiers, features, label.

    `training` may hold several rows of a customer, one per cut-off; the two other slices have
    one each. `digest` names definitions, cut-offs and content.
    """

    training: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    cutoffs: Cutoffs
    features: tuple[str, ...]
    digest: str

    @property
    def rows(self) -> int:
        """Rows in all slices."""
        return len(self.training) + len(self.validation) + len(self.test)


def first_order(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return when the first order of a known customer was completed, None without one."""
    ((ts_us,),) = connection.execute(
        "SELECT min(ts_us) FROM events WHERE event = $1 AND customer_id IS NOT NULL",
        [ORDER_COMPLETED],
    ).fetchall()  # to the end: an unfinished result would hold the connection
    return None if ts_us is None else from_us(ts_us)


def cutoffs(
    first_event: datetime | None,
    as_of: datetime,
    horizon: timedelta,
    *,
    most: int = 8,
) -> Cutoffs:
    """Lay out training, validation and test cut-offs before `as_of`, one horizon apart.

    Args:
        first_event: When the shop's orders begin; None when there is none.
        as_of: Timezone-aware; every label ends at or before it.
        horizon: How far a label looks ahead.
        most: At most so many training cut-offs; each has at least one horizon of history.

    Raises:
        NotEnoughDataError: `as_of` is not after the first order, or less than three horizons
            of history lie before the test slice.
    """
    if horizon <= timedelta(0):
        raise DataError(f"horizon must be positive, got {horizon}.")
    day = as_of.date().isoformat()
    if first_event is None or as_of <= first_event:
        begins = "there are no orders" if first_event is None else f"orders begin {first_event:%F}"
        raise NotEnoughDataError(
            f"nothing is known before {day}: {begins}. Give a later --as-of, or import more."
        )
    needed = (MIN_HORIZONS + 1) * horizon
    if as_of - first_event < needed:
        raise NotEnoughDataError(
            f"{(as_of - first_event) // DAY} days of orders before {day} are too few to look "
            f"{horizon // DAY} days ahead: {needed // DAY} are needed. Give an --as-of of "
            f"{first_event + needed + DAY:%F} or later."
        )
    test = as_of - horizon
    validation = test - horizon
    room = (validation - first_event) // horizon - 1
    training = tuple(validation - step * horizon for step in range(min(room, most), 0, -1))
    return Cutoffs(training=training, validation=validation, test=test, horizon=horizon)


def training_set(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Cutoffs,
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
    customers: set[str] | None = None,
    least: int = MIN_OF_A_CLASS,
) -> Dataset:
    """Join features as of each cut-off to what the customer did after it.

    Args:
        connection: A database with the lake's views.
        cutoffs: From `cutoffs`.
        features: Columns, in the model's order.
        shop: Time zone and currency rates.
        customers: Who may be learnt from (consent to `model_training`); None: everybody.
        least: How many buyers, and how many non-buyers, the training slice needs.

    Raises:
        NotEnoughDataError: Fewer than `least` buyers or non-buyers in the training slice, or
            only one kind in a later slice.
    """
    frame = feature_frame(connection, cutoffs=cutoffs.all, features=features, shop=shop)
    if customers is not None:
        frame = frame[frame[c.CUSTOMER_ID].isin(customers)].reset_index(drop=True)
    bought = did(connection, cutoffs=cutoffs.all, horizon=cutoffs.horizon)
    index = pd.MultiIndex.from_frame(frame[[c.CUSTOMER_ID, c.CUTOFF_US]])
    label = index.isin(pd.MultiIndex.from_frame(bought)).astype("int8")
    frame = frame.assign(**{c.LABEL: label})
    validation_us, test_us = to_us(cutoffs.validation), to_us(cutoffs.test)
    at = frame[c.CUTOFF_US]
    dataset = Dataset(
        training=frame[at < validation_us].reset_index(drop=True),
        validation=frame[at == validation_us].reset_index(drop=True),
        test=frame[at == test_us].reset_index(drop=True),
        cutoffs=cutoffs,
        features=tuple(names(features)),
        digest=digest(
            definitions_digest(features),
            [to_us(cutoff) for cutoff in cutoffs.all],
            cutoffs.horizon // MICROSECOND,
            content_digest(frame),
        ),
    )
    _check_classes(dataset, least)
    return dataset


def _check_classes(dataset: Dataset, of_training: int) -> None:
    slices = (
        ("training", dataset.training, of_training),
        ("validation", dataset.validation, 1),
        ("test", dataset.test, 1),
    )
    for name, rows, least in slices:
        buyers = int(rows[c.LABEL].sum())
        others = len(rows) - buyers
        if min(buyers, others) < least:
            raise NotEnoughDataError(
                f"the {name} slice has {buyers:,} examples (a customer at a cut-off) who ordered "
                f"afterwards and {others:,} who did not; at least {least} of each are needed to "
                "train. Import more customers or a longer history."
            )
