"""Lifecycle stages by readable rules, measured by each customer's own rhythm of ordering.

A customer who orders monthly is late after six weeks, one who orders twice a year is not. The
rhythm is the mean gap between orders, kept between two bounds: two orders on a weekend are no
rhythm of a day. Who has ordered once has none yet, and gets a usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import ConfigError, DataError, MissingColumnsError
from features.definitions.orders import (
    GAP_LAST,
    GAP_MEAN,
    ORDERS,
    ORDERS_TOTAL,
    RECENCY_DAYS,
    TENURE_DAYS,
)
from features.feature import Feature, names

Floats = NDArray[np.float64]

PROSPECT: Final = "prospect"
NEW: Final = "new"
ACTIVE: Final = "active"
LOYAL: Final = "loyal"
AT_RISK: Final = "at_risk"
LAPSED: Final = "lapsed"
WON_BACK: Final = "won_back"
# As a life goes; pictures and tables have them in this order.
STAGES: Final = (PROSPECT, NEW, ACTIVE, LOYAL, AT_RISK, LAPSED, WON_BACK)

LIFECYCLE_STAGE: Final = "lifecycle_stage"
FEATURES: Final[tuple[Feature, ...]] = (
    ORDERS_TOTAL,
    ORDERS[-1],
    RECENCY_DAYS,
    TENURE_DAYS,
    GAP_MEAN,
    GAP_LAST,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where one stage ends and another begins; a shop may set its own.

    Raises:
        ConfigError: A threshold is not positive, or two that belong together are in the wrong
            order.
    """

    new_days: float = 30.0  # since the first order
    loyal_orders: int = 4  # in the last 365 days
    at_risk_gaps: float = 1.5  # own gaps without an order
    lapsed_gaps: float = 3.0
    once_days: float = 90.0  # the rhythm of who has ordered once
    least_days: float = 14.0  # no rhythm is faster
    most_days: float = 180.0  # and none slower

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not 0 < value < np.inf:
                raise ConfigError(f"lifecycle: {one.name} must be above 0, got {value}.")
        for low, high in (("at_risk_gaps", "lapsed_gaps"), ("least_days", "most_days")):
            below, above = getattr(self, low), getattr(self, high)
            if not below < above:
                raise ConfigError(
                    f"lifecycle: {low} must be below {high}, got {below} and {above}."
                )


DEFAULT: Final = Thresholds()


def stages(frame: pd.DataFrame, thresholds: Thresholds = DEFAULT) -> pd.Series[str]:
    """Return the one stage of each customer.

    Args:
        frame: The columns of `FEATURES`, one row per customer; `feature_frame(who="seen")` has
            prospects, too.
        thresholds: Where the stages begin.

    Returns:
        One of `STAGES` per row, named `lifecycle_stage`, with the frame's index.

    Raises:
        MissingColumnsError: A feature is not there.
        DataError: A value is no number: undefined features have defaults, so something is wrong.
    """
    orders, orders_365d, recency, tenure, gap_mean, gap_last = _values(frame)
    late = recency / rhythm(orders, gap_mean, thresholds)
    # The first condition that holds wins.
    conditions = {
        PROSPECT: orders < 1,
        LAPSED: late > thresholds.lapsed_gaps,
        AT_RISK: late > thresholds.at_risk_gaps,
        WON_BACK: _came_back(orders, gap_mean, gap_last, thresholds),
        NEW: tenure <= thresholds.new_days,
        LOYAL: orders_365d >= thresholds.loyal_orders,
    }
    found = np.select([*conditions.values()], [*conditions], default=ACTIVE)
    return pd.Series(found.astype(object), index=frame.index, name=LIFECYCLE_STAGE)


def rhythm(orders: Floats, gap_mean: Floats, thresholds: Thresholds = DEFAULT) -> Floats:
    """Return the days that usually lie between a customer's orders, shape (n,).

    Args:
        orders: Number of orders.
        gap_mean: Mean days between them; not read where there are fewer than two.
        thresholds: Its bounds, and what counts for a single order.
    """
    own = np.clip(gap_mean, thresholds.least_days, thresholds.most_days)
    return np.where(orders < 2, thresholds.once_days, own)


def _came_back(
    orders: Floats, gap_mean: Floats, gap_last: Floats, thresholds: Thresholds
) -> NDArray[np.bool_]:
    """Say who had lapsed, by the rhythm they had then, when the last order came."""
    gaps = orders - 1
    with np.errstate(divide="ignore", invalid="ignore"):  # no gaps before: not read
        mean_before = (gap_mean * gaps - gap_last) / (gaps - 1)
    before = rhythm(gaps, np.where(gaps > 1, mean_before, 0.0), thresholds)
    came: NDArray[np.bool_] = (orders >= 2) & (gap_last > thresholds.lapsed_gaps * before)
    return came


def rules(thresholds: Thresholds = DEFAULT) -> Mapping[str, str]:
    """Say in one sentence what makes each stage, with the thresholds that hold.

    The first that applies wins, in the order prospect, lapsed, at risk, won back, new, loyal.
    """
    t = thresholds
    return {
        PROSPECT: "Has not ordered yet.",
        NEW: f"First order at most {t.new_days:g} days ago, and not late for another.",
        ACTIVE: f"Not late for another order, fewer than {t.loyal_orders} in the last 365 days.",
        LOYAL: f"At least {t.loyal_orders} orders in the last 365 days, and not late for another.",
        AT_RISK: (
            f"No order for more than {t.at_risk_gaps:g} gaps between orders (their own, taken as "
            f"{t.least_days:g} to {t.most_days:g} days; {t.once_days:g} days after one order)."
        ),
        LAPSED: (
            f"No order for more than {t.lapsed_gaps:g} gaps between orders (their own; "
            f"{t.once_days:g} days after one order)."
        ),
        WON_BACK: (
            f"Had lapsed, more than {t.lapsed_gaps:g} of their own gaps, when the last order came."
        ),
    }


def _values(frame: pd.DataFrame) -> list[Floats]:
    wanted = names(FEATURES)
    if absent := set(wanted) - set(frame.columns):
        raise MissingColumnsError("segmentation.lifecycle", absent, map(str, frame.columns))
    values = frame[wanted].to_numpy(dtype=np.float64)
    if wrong := [
        name for name, fine in zip(wanted, np.isfinite(values).all(0), strict=True) if not fine
    ]:
        raise DataError(
            f"lifecycle stages need numbers, and {', '.join(wrong)} has values that are none. "
            "Compute the features anew: `sendwise features`."
        )
    return list(values.T)
