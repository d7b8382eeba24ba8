"""Training sets without peeking: features as of a cut-off, labels from the time after it.

Time is cut from the end: the last horizon before `as_of` is the test slice, the horizon before
it the validation slice. Training cut-offs step back from there, a horizon apart where the history
is long, closer where it is short. Labels of the training slice are known before the validation
cut-off; those of cut-offs in between are `purged` from it: nothing is chosen by them, but what is
fitted last learns from them, as their labels are known before the test cut-off.
"""

from __future__ import annotations

import math
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
_CLOSEST: Final = 6  # cut-offs in a horizon: closer ones hardly differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """Instants at which customers are looked at; each label spans `horizon` from its cut-off.

    All before `test` end by then. Labels of some of `training` may reach into the validation slice.
    """

    training: tuple[datetime, ...]  # oldest first
    validation: datetime
    test: datetime
    horizon: timedelta

    @property
    def apart(self) -> tuple[datetime, ...]:
        """Training cut-offs whose labels are known before the validation slice begins."""
        return tuple(at for at in self.training if at + self.horizon <= self.validation)

    @property
    def all(self) -> tuple[datetime, ...]:
        """Every cut-off, oldest first."""
        return (*self.training, self.validation, self.test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows to learn from and to be judged by: identifiers, features, label.

    `training` and `purged` may hold several rows of a customer, one per cut-off; the two other
    slices have one each. `digest` names definitions, cut-offs and content.
    """

    training: pd.DataFrame
    purged: pd.DataFrame  # labels reach into the validation slice: not to choose by
    validation: pd.DataFrame
    test: pd.DataFrame
    cutoffs: Cutoffs
    features: tuple[str, ...]
    digest: str

    @property
    def seen(self) -> pd.DataFrame:
        """Everything whose label is known before the test slice begins."""
        slices = [self.training, self.purged, self.validation]
        return pd.concat(slices, ignore_index=True)


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
    """Lay out training, validation and test cut-offs before `as_of`.

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
    room = validation - first_event - horizon  # each cut-off has a horizon of history
    step = horizon // _per_horizon(horizon, room, most)
    number = min(room // step, most)
    training = tuple(validation - each * step for each in range(number, 0, -1))
    return Cutoffs(training=training, validation=validation, test=test, horizon=horizon)


def _per_horizon(horizon: timedelta, room: timedelta, most: int) -> int:
    """Return how many cut-offs there are in a horizon: the fewer, the more history there is.

    They are whole days apart: windows begin at midnights, so that cut-offs are alike.
    """
    wanted = min(_CLOSEST, math.ceil(most * horizon / room))
    return max(n for n in range(1, wanted + 1) if n == 1 or horizon % (n * DAY) == timedelta(0))


def training_set(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Cutoffs,
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
    customers: set[str] | None = None,
    event: str = ORDER_COMPLETED,
    category: str = "",
    least: int = MIN_OF_A_CLASS,
) -> Dataset:
    """Join features as of each cut-off to whether the customer did something after it.

    Args:
        connection: A database with the lake's views.
        cutoffs: From `cutoffs`.
        features: Columns, in the model's order.
        shop: Time zone and currency rates.
        customers: Who may be learnt from (consent to `model_training`); None: everybody.
        event: What is foretold.
        category: Only with a product of this category or one below it; empty: whatever it was.
        least: How many who did, and how many who did not, the training slice needs.

    Raises:
        ConfigError: The contract has no such event.
        NotEnoughDataError: Fewer than `least` who did or did not in the training slice, or
            only one kind in a later slice.
    """
    frame = feature_frame(connection, cutoffs=cutoffs.all, features=features, shop=shop)
    if customers is not None:
        frame = frame[frame[c.CUSTOMER_ID].isin(customers)].reset_index(drop=True)
    ahead = cutoffs.horizon
    who = did(connection, cutoffs=cutoffs.all, horizon=ahead, event=event, category=category)
    index = pd.MultiIndex.from_frame(frame[[c.CUSTOMER_ID, c.CUTOFF_US]])
    label = index.isin(pd.MultiIndex.from_frame(who)).astype("int8")
    frame = frame.assign(**{c.LABEL: label})
    named = digest(
        definitions_digest(features),
        [to_us(cutoff) for cutoff in cutoffs.all],
        [ahead // MICROSECOND, event, category],
        content_digest(frame),
    )
    known = frame[c.CUTOFF_US] + ahead // MICROSECOND
    dataset = sliced(
        frame, frame[c.CUTOFF_US], known, cutoffs, features=tuple(names(features)), digest=named
    )
    check_classes(dataset, row="a customer at a cut-off", did="did it afterwards", least=least)
    return dataset


def sliced(
    frame: pd.DataFrame,
    at_us: pd.Series[int],
    known_us: pd.Series[int],
    cutoffs: Cutoffs,
    *,
    features: tuple[str, ...],
    digest: str,
) -> Dataset:
    """Cut rows into slices by when each was looked at, and when its label was known."""
    validation_us, test_us = to_us(cutoffs.validation), to_us(cutoffs.test)
    early = known_us <= validation_us
    before_test = known_us <= test_us
    return Dataset(
        training=frame[early].reset_index(drop=True),
        purged=frame[before_test & ~early & (at_us < validation_us)].reset_index(drop=True),
        validation=frame[before_test & (at_us >= validation_us)].reset_index(drop=True),
        test=frame[at_us >= test_us].reset_index(drop=True),
        cutoffs=cutoffs,
        features=features,
        digest=digest,
    )


def check_classes(dataset: Dataset, *, row: str, did: str, least: int = MIN_OF_A_CLASS) -> None:
    """Refuse slices that hold too few of a kind.

    Args:
        dataset: Its slices.
        row: What an example is, in words.
        did: What those of one kind did.
        least: How many of each kind the training slice needs; later ones need one.

    Raises:
        NotEnoughDataError: A slice has fewer of a kind.
    """
    slices = (
        ("training", dataset.training, least),
        ("validation", dataset.validation, 1),
        ("test", dataset.test, 1),
    )
    for name, rows, needed in slices:
        some = int(rows[c.LABEL].sum())
        others = len(rows) - some
        if min(some, others) < needed:
            raise NotEnoughDataError(
                f"the {name} slice has {some:,} examples ({row}) of {did} and {others:,} of not; "
                f"at least {needed} of each are needed to train. Import more customers or a longer "
                "history."
            )
