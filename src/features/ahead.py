"""Features as of several cut-offs beside the orders that came after: to learn value and churn from.

The last horizon before `as_of` is the test slice. Cut-offs to learn from step back from one horizon
before it, so every label learnt from was complete when the test slice begins. They lie a month
apart: labels of neighbours overlap, which costs nothing where nothing is tuned between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb
import pandas as pd

from core import columns as c
from core.clock import DAY, MICROSECOND, to_us
from core.errors import NotEnoughDataError
from core.ids import digest
from features.dataset import first_order
from features.engine import content_digest, feature_frame
from features.feature import Feature, definitions_digest, names
from features.labels import next_orders, spent
from features.shop import Shop

HORIZON: Final = 90 * DAY
SHORT: Final = 60 * DAY
STEP: Final = 30 * DAY
HISTORY: Final = 60 * DAY  # of orders before the first cut-off
MOST: Final = 6  # cut-offs to learn from
MIN_BUYERS: Final = 100
ORDERS: Final = "next_orders"
REVENUE: Final = "next_revenue_minor"
DAYS: Final = "next_order_days"  # NaN where there was no order within the horizon
LABELS: Final = (ORDERS, REVENUE, DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Rows to learn from and to be judged by: identifiers, features, then `LABELS`."""

    learning: pd.DataFrame  # several cut-offs
    test: pd.DataFrame  # one
    learnt_at: tuple[datetime, ...]  # oldest first
    tested_at: datetime
    horizon: timedelta
    features: tuple[str, ...]
    digest: str

    @property
    def days(self) -> float:
        """How many days labels look ahead."""
        return self.horizon / DAY

    @property
    def note(self) -> str:
        """What to say of a history too short for labels of 90 days; empty where it is not."""
        if self.horizon == HORIZON:
            return ""
        return (
            f"the history is short: learnt from {self.days:.0f} days after each cut-off and judged "
            f"on {self.days:.0f}, not {HORIZON // DAY}"
        )


def horizon_for(begins: datetime | None, as_of: datetime) -> timedelta:
    """Return how far labels look ahead: 90 days, 60 where the history is too short for that."""
    if begins is not None and as_of - begins < 2 * HORIZON + HISTORY:
        return SHORT
    return HORIZON


def cutoffs_ahead(
    begins: datetime | None, as_of: datetime, horizon: timedelta
) -> tuple[tuple[datetime, ...], datetime]:
    """Return the cut-offs to learn from, oldest first, and the one to be judged at.

    Args:
        begins: When the shop's orders begin; None when there is none.
        as_of: Timezone-aware; every label ends at or before it.
        horizon: How far a label looks ahead.

    Raises:
        NotEnoughDataError: The history is too short.
    """
    day = f"{as_of:%Y-%m-%d}"
    if begins is None or as_of <= begins:
        known = "there are no orders" if begins is None else f"orders begin {begins:%Y-%m-%d}"
        raise NotEnoughDataError(f"nothing is known before {day}: {known}. Give a later --as-of.")
    needed = 2 * horizon + HISTORY
    if as_of - begins < needed:
        raise NotEnoughDataError(
            f"{(as_of - begins) // DAY} days of orders before {day} are too few: {horizon // DAY} "
            f"days to judge by, as many to learn from and {HISTORY // DAY} before are "
            f"{needed // DAY}. Give an --as-of of {begins + needed + DAY:%Y-%m-%d} or later."
        )
    test = as_of - horizon
    last = test - horizon
    number = min((last - HISTORY - begins) // STEP + 1, MOST)
    return tuple(last - step * STEP for step in reversed(range(number))), test


def look_ahead(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: datetime,
    features: tuple[Feature, ...],
    shop: Shop,
    customers: set[str],
) -> Ahead:
    """Lay out cut-offs before `as_of` and join features to what was ordered next.

    Args:
        connection: A database with the lake's views.
        as_of: Only what was known strictly before counts, labels included.
        features: Columns, in the model's order.
        shop: Time zone and currency rates.
        customers: Who may be learnt from (consent to `model_training`).

    Raises:
        NotEnoughDataError: Too short a history, or fewer than 100 rows to learn from, or none to
            be judged by, in which somebody ordered.
    """
    begins = first_order(connection)
    horizon = horizon_for(begins, as_of)
    learnt_at, tested_at = cutoffs_ahead(begins, as_of, horizon)
    frame = labelled(connection, (*learnt_at, tested_at), horizon, features=features, shop=shop)
    frame = frame[frame[c.CUSTOMER_ID].isin(customers)].reset_index(drop=True)
    is_test = frame[c.CUTOFF_US] == to_us(tested_at)
    ahead = Ahead(
        learning=frame[~is_test].reset_index(drop=True),
        test=frame[is_test].reset_index(drop=True),
        learnt_at=learnt_at,
        tested_at=tested_at,
        horizon=horizon,
        features=tuple(names(features)),
        digest=digest(definitions_digest(features), horizon // MICROSECOND, content_digest(frame)),
    )
    for rows, least, what in ((ahead.learning, MIN_BUYERS, "learn"), (ahead.test, 1, "judge")):
        bought = int((rows[ORDERS] > 0).sum())
        if bought < least or bought == len(rows):
            raise NotEnoughDataError(
                f"{len(rows):,} examples (a customer at a cut-off) to {what} from, {bought:,} of "
                f"whom ordered in the {horizon // DAY} days after: at least {least} who did and "
                "one who did not are needed. Import more customers or a longer history."
            )
    return ahead


def labelled(
    connection: duckdb.DuckDBPyConnection,
    cutoffs: tuple[datetime, ...],
    horizon: timedelta,
    *,
    features: tuple[Feature, ...],
    shop: Shop,
) -> pd.DataFrame:
    """Return features as of each cut-off with `LABELS`, for everybody with an order before it."""
    frame = feature_frame(connection, cutoffs=cutoffs, features=features, shop=shop)
    keys = [c.CUSTOMER_ID, c.CUTOFF_US]
    worth = spent(connection, cutoffs=cutoffs, horizon=horizon, shop=shop)
    worth = worth.rename(columns={"orders": ORDERS, "revenue_minor": REVENUE})
    when = next_orders(connection, cutoffs=cutoffs, horizon=horizon)
    when = when.rename(columns={"days": DAYS})
    frame = frame.merge(worth, how="left", on=keys).merge(when, how="left", on=keys)
    return frame.fillna({ORDERS: 0.0, REVENUE: 0.0})
