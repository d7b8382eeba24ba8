"""Every feature, defined once: meaning, unit, default, staleness, and the SQL that computes it.

Expressions are aggregates over the relations of `features.relations`, per customer and cut-off.
Money is in minor units of the shop's base currency. A window of 30 days is [cut-off - 30 days,
cut-off): the cut-off itself is the future.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final, Literal

from core.clock import DAY_US
from core.ids import digest
from features.relations import RELATIONS, TASTE_DAYS, exact_sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a feature means, and how stale it may be when an e-mail is rendered."""

    name: str
    unit: str
    description: str
    sql: str  # aggregate over `relation`, per customer and cut-off
    default: float  # where the customer's events leave the value undefined
    relation: Literal["happened", "tastes"] = "happened"
    window_days: int | None = None  # None: depends on the whole history before the cut-off
    dtype: Literal["float64"] = "float64"
    max_age: timedelta = timedelta(days=1)  # older than this at send time: compute anew
    personal_data: bool = True  # included in exports and erasure of a person


def _orders(days: int) -> Feature:
    return Feature(
        name=f"orders_{days}d",
        unit="orders",
        description=f"Orders completed in the last {days} days.",
        sql=f"count(*) FILTER (is_order AND age_days <= {days})",
        default=0.0,
        window_days=days,
    )


def _revenue(days: int) -> Feature:
    return Feature(
        name=f"revenue_minor_{days}d",
        unit="minor units",
        description=f"Value of the orders of the last {days} days, refunds not deducted.",
        sql=f"sum(value_minor) FILTER (is_order AND age_days <= {days})",
        default=0.0,
        window_days=days,
    )


def _share(name: str, description: str, condition: str, days: int) -> Feature:
    orders = f"count(*) FILTER (is_order AND age_days <= {days})"
    chosen = f"count(*) FILTER (is_order AND age_days <= {days} AND {condition})"
    return Feature(
        name=name,
        unit="share",
        description=description,
        sql=f"{chosen} / nullif({orders}, 0)",
        default=0.0,
        window_days=days,
    )


def _count(name: str, description: str, condition: str, days: int) -> Feature:
    return Feature(
        name=name,
        unit="events",
        description=description,
        sql=f"count(*) FILTER ({condition} AND age_days <= {days})",
        default=0.0,
        window_days=days,
    )


def _taste(name: str, unit: str, description: str, sql: str) -> Feature:
    return Feature(
        name=name,
        unit=unit,
        description=description,
        sql=sql,
        default=0.0,
        relation="tastes",
        window_days=TASTE_DAYS,
    )


# Gaps in days; sums of integers, so that the result does not depend on the order of rows.
_GAPS: Final = "count(gap_us) FILTER (is_order)"
_GAP_SUM: Final = "sum(gap_us) FILTER (is_order)"
_GAP_SQUARES: Final = "sum(CAST(gap_us AS HUGEINT) * gap_us) FILTER (is_order)"
_GAP_MEAN: Final = f"{_GAP_SUM} / {_GAPS} / {DAY_US}"
_RECENCY: Final = "min(age_days) FILTER (is_order)"
_TENURE: Final = "max(age_days) FILTER (is_order)"

RECENCY_DAYS: Final = Feature(
    name="recency_days",
    unit="days",
    description="Time from the last completed order to the cut-off.",
    sql=_RECENCY,
    default=3_650.0,
)
TENURE_DAYS: Final = Feature(
    name="tenure_days",
    unit="days",
    description="Time from the first completed order to the cut-off.",
    sql=_TENURE,
    default=0.0,
)
ORDERS: Final = tuple(_orders(days) for days in (30, 90, 365))
REVENUE: Final = tuple(_revenue(days) for days in (30, 90, 365))
ORDERS_TOTAL: Final = Feature(
    name="orders_total",
    unit="orders",
    description="Orders completed before the cut-off.",
    sql="count(*) FILTER (is_order)",
    default=0.0,
)
REVENUE_TOTAL: Final = Feature(
    name="revenue_minor_total",
    unit="minor units",
    description="Value of all orders before the cut-off, refunds not deducted.",
    sql="sum(value_minor) FILTER (is_order)",
    default=0.0,
)
ORDERS_DECAYED: Final = Feature(
    name="orders_decayed",
    unit="orders happening now",
    description="Orders, each counting half as much every 30 days.",
    sql=exact_sum("pow(2.0, -age_days / 30)", "is_order"),
    default=0.0,
)
BASKET_LINES: Final = Feature(
    name="basket_lines",
    unit="lines per order",
    description="Mean number of lines in an order of the last 90 days.",
    sql="avg(lines) FILTER (is_order AND age_days <= 90)",
    default=0.0,
    window_days=90,
)
ORDER_VALUE: Final = Feature(
    name="order_value_minor",
    unit="minor units per order",
    description="Mean value of an order of the last 90 days.",
    sql="avg(value_minor) FILTER (is_order AND age_days <= 90)",
    default=0.0,
    window_days=90,
)
GAP_MEAN: Final = Feature(
    name="gap_mean_days",
    unit="days",
    description="Mean time between successive orders; one order counts as once a year.",
    sql=_GAP_MEAN,
    default=365.0,
)
GAP_STD: Final = Feature(
    name="gap_std_days",
    unit="days",
    description="Sample standard deviation of the time between successive orders.",
    sql=(
        f"sqrt(({_GAPS} * {_GAP_SQUARES} - {_GAP_SUM} * {_GAP_SUM})"
        f" / nullif({_GAPS} * ({_GAPS} - 1), 0)) / {DAY_US}"
    ),
    default=0.0,
)
GAP_MAX: Final = Feature(
    name="gap_max_days",
    unit="days",
    description="Longest time between successive orders; one order counts as once a year.",
    sql=f"max(gap_us) FILTER (is_order) / {DAY_US}",
    default=365.0,
)
OVERDUE_RATIO: Final = Feature(
    name="overdue_ratio",
    unit="own mean gaps",
    description="Recency over the customer's own mean gap, a day added to each; 1: as usual.",
    sql=f"({_RECENCY} + 1) / ({_GAP_MEAN} + 1)",
    default=1.0,
)
ACTIVE_SHARE: Final = Feature(
    name="active_share",
    unit="share",
    description="Share of the 30-day spans since the first order, back from now, with an order.",
    sql=f"count(DISTINCT floor(age_days / 30)) FILTER (is_order) / (floor({_TENURE} / 30) + 1)",
    default=0.0,
)
DISCOUNT_SHARE: Final = Feature(
    name="discount_share",
    unit="share",
    description="Discount over the price before discount, orders of the last 90 days.",
    sql=(
        "sum(discount_minor) FILTER (is_order AND age_days <= 90)"
        " / nullif(sum(value_minor + discount_minor) FILTER (is_order AND age_days <= 90), 0)"
    ),
    default=0.0,
    window_days=90,
)
WEEKEND_SHARE: Final = _share(
    "weekend_share", "Share of the last 90 days' orders on a weekend, shop time.", "is_weekend", 90
)
EVENING_SHARE: Final = _share(
    "evening_share", "Share of the last 90 days' orders from 17:00 on, shop time.", "is_evening", 90
)
REFUNDS: Final = _count("refunds_90d", "Refunds in the last 90 days.", "is_refund", 90)
MAILS: Final = _count("mails_90d", "Mailings received in the last 90 days.", "is_mail", 90)
COUPONS: Final = _count("coupons_90d", "Coupons redeemed in the last 90 days.", "is_coupon", 90)
CATEGORIES: Final = _taste(
    "categories_90d",
    "categories",
    "First-level categories bought from in the last 90 days.",
    "count(*)",
)
TOP_CATEGORY_SHARE: Final = _taste(
    "top_category_share",
    "share",
    "Share of the last 90 days' lines in the customer's biggest first-level category.",
    "max(lines) / sum(lines)",
)
CATEGORY_ENTROPY: Final = _taste(
    "category_entropy",
    "nats",
    "Entropy of the last 90 days' lines over first-level categories; 0: one category only.",
    f"greatest(ln(sum(lines)) - {exact_sum('lines * ln(lines)')} / sum(lines), 0)",
)

# The order is the models' column order.
PROPENSITY: Final[tuple[Feature, ...]] = (
    RECENCY_DAYS,
    TENURE_DAYS,
    *ORDERS,
    ORDERS_TOTAL,
    ORDERS_DECAYED,
    *REVENUE,
    REVENUE_TOTAL,
    BASKET_LINES,
    ORDER_VALUE,
    GAP_MEAN,
    GAP_STD,
    GAP_MAX,
    OVERDUE_RATIO,
    ACTIVE_SHARE,
    DISCOUNT_SHARE,
    WEEKEND_SHARE,
    EVENING_SHARE,
    REFUNDS,
    MAILS,
    COUPONS,
    CATEGORIES,
    TOP_CATEGORY_SHARE,
    CATEGORY_ENTROPY,
)
CLUSTERS: Final[tuple[Feature, ...]] = (
    RECENCY_DAYS,
    *ORDERS[1:],
    *REVENUE[1:],
    BASKET_LINES,
    ORDER_VALUE,
    GAP_MEAN,
    DISCOUNT_SHARE,
    CATEGORY_ENTROPY,
)
# What only grows with history drifts by itself. Recency does too: of those who left it is their
# age, and in a young history the longest there can be grows day by day.
WINDOWED: Final[tuple[Feature, ...]] = tuple(
    one for one in PROPENSITY if one.window_days is not None and one.window_days <= TASTE_DAYS
)


def names(features: Iterable[Feature]) -> list[str]:
    """Return the features' names, in order: the columns of a frame of them."""
    return [feature.name for feature in features]


def definitions_digest(features: Iterable[Feature] = PROPENSITY) -> str:
    """Return a hash that changes whenever the meaning of one of `features` may have changed."""
    return digest(RELATIONS, [asdict(feature) for feature in features])
