"""Recency, frequency, monetary value; rhythm; what was bought and sent back."""

from __future__ import annotations

from typing import Final

from features.feature import Feature
from features.formula import Border, Constant, Formula
from features.kinds.decayed import Decayed
from features.kinds.gaps import Gaps
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import DISCOUNT, EVENING, LINES, ONE, UNITS, VALUE, VALUE_SQUARED, WEEKEND
from ingest.contract import COUPON_APPLIED, EVENT_NAMES, ORDER_COMPLETED, ORDER_REFUNDED

WINDOWS: Final = (7, 30, 90, 365)
_ORDER: Final = (ORDER_COMPLETED,)
_REFUND: Final = (ORDER_REFUNDED,)

_times, _seen, _gaps = Times(_ORDER), Times(EVENT_NAMES), Gaps(_ORDER)
_orders, _revenue = Tally(ONE, _ORDER), Tally(VALUE, _ORDER)
_units, _lines, _discount = Tally(UNITS, _ORDER), Tally(LINES, _ORDER), Tally(DISCOUNT, _ORDER)
_refunds, _refunded = Tally(ONE, _REFUND), Tally(VALUE, _REFUND)

RECENCY_DAYS: Final = Feature(
    name="recency_days",
    value=_times.since_last,
    unit="days",
    description="Time from the last completed order to the cut-off.",
    default=3_650.0,
)
TENURE_DAYS: Final = Feature(
    name="tenure_days",
    value=_times.since_first,
    unit="days",
    description="Time from the first completed order to the cut-off.",
)
SEEN_DAYS: Final = Feature(
    name="seen_days",
    value=_seen.since_first,
    unit="days",
    description="Time from the first event of any kind to the cut-off.",
)


def _over(name: str, tally: Tally, unit: str, description: str) -> tuple[Feature, ...]:
    """Define a sum over each of the windows."""
    return tuple(
        Feature(
            name=f"{name}_{days}d",
            value=tally.last(days),
            unit=unit,
            description=f"{description} of the last {days} days.",
        )
        for days in WINDOWS
    )


def _per_order(name: str, tally: Tally, days: int, unit: str, description: str) -> Feature:
    return Feature(
        name=f"{name}_{days}d",
        value=tally.last(days) / _orders.last(days),
        unit=unit,
        description=f"{description} of the last {days} days.",
    )


ORDERS: Final = _over("orders", _orders, "orders", "Completed orders")
REVENUE: Final = _over(
    "revenue_minor", _revenue, "minor units", "Value, refunds not deducted, of the orders"
)
UNITS_BOUGHT: Final = _over("units", _units, "units", "Units in the orders")
REFUNDS: Final = _over("refunds", _refunds, "refunds", "Refunds")
ORDER_VALUES: Final = tuple(
    _per_order("order_value_minor", _revenue, days, "minor units", "Mean value of the orders")
    for days in WINDOWS
)
ORDERS_TOTAL: Final = Feature(
    name="orders_total",
    value=_orders.total,
    unit="orders",
    description="Orders completed before the cut-off.",
)
REVENUE_TOTAL: Final = Feature(
    name="revenue_minor_total",
    value=_revenue.total,
    unit="minor units",
    description="Value of all orders before the cut-off, refunds not deducted.",
)
REFUNDED_TOTAL: Final = Feature(
    name="refunded_minor_total",
    value=_refunded.total,
    unit="minor units",
    description="Value of all refunds before the cut-off.",
)
ORDERS_DECAYED: Final = Feature(
    name="orders_decayed",
    value=Decayed(ONE, _ORDER, 30.0).now,
    unit="orders happening now",
    description="Orders, each counting half as much every 30 days.",
)
_value_of_all = _revenue.total * _revenue.total / _orders.total
ORDER_VALUE_STD: Final = Feature(
    name="order_value_std_minor",
    value=(
        (Tally(VALUE_SQUARED, _ORDER).total - _value_of_all) / (_orders.total - 1.0).at_least(0.0)
    ).root,
    unit="minor units",
    description="Sample standard deviation of the value of all orders.",
)
BASKET_LINES: Final = _per_order(
    "basket_lines", _lines, 90, "lines per order", "Mean number of lines in the orders"
)
GAP_MEAN: Final = Feature(
    name="gap_mean_days",
    value=_gaps.mean,
    unit="days",
    description="Mean time between successive orders; one order counts as once a year.",
    default=365.0,
)
GAP_STD: Final = Feature(
    name="gap_std_days",
    value=_gaps.deviation,
    unit="days",
    description="Sample standard deviation of the time between successive orders.",
)
GAP_MAX: Final = Feature(
    name="gap_max_days",
    value=_gaps.longest,
    unit="days",
    description="Longest time between successive orders; one order counts as once a year.",
    default=365.0,
)
GAP_LAST: Final = Feature(
    name="gap_last_days",
    value=_gaps.latest,
    unit="days",
    description="Time between the last two orders; one order counts as once a year.",
    default=365.0,
)
OVERDUE_DAYS: Final = Feature(
    name="overdue_days",
    value=_times.since_last - _gaps.mean,
    unit="days",
    description="Recency less the customer's own mean gap; below 0: not due yet.",
)
OVERDUE_RATIO: Final = Feature(
    name="overdue_ratio",
    value=(_times.since_last + 1.0) / (_gaps.mean + 1.0),
    unit="own mean gaps",
    description="Recency over the customer's own mean gap, a day added to each; 1: as usual.",
    default=1.0,
)
DISCOUNT_SHARE: Final = Feature(
    name="discount_share_90d",
    value=_discount.last(90) / (_revenue.last(90) + _discount.last(90)),
    unit="share",
    description="Discount over the price before discount, orders of the last 90 days.",
)
WEEKEND_SHARE: Final = _per_order(
    "weekend_share", Tally(WEEKEND, _ORDER), 90, "share", "Share on a weekend, shop time, of orders"
)
EVENING_SHARE: Final = _per_order(
    "evening_share",
    Tally(EVENING, _ORDER),
    90,
    "share",
    "Share from 17:00 on, shop time, of orders",
)
COUPONS: Final = Feature(
    name="coupons_90d",
    value=Tally(ONE, (COUPON_APPLIED,)).last(90),
    unit="coupons",
    description="Coupons redeemed in the last 90 days.",
)


def _fifths_below(value: Formula) -> Formula:
    """Return how many of the four borders between fifths of the shop's buyers lie below."""
    total: Formula = Constant(0.0)
    for fifth in (1, 2, 3, 4):
        total = total + value.above(Border(value, fifth))
    return total


def _quintile(name: str, score: Formula, description: str) -> Feature:
    return Feature(
        name=name,
        value=score,
        unit="1 to 5",
        description=f"{description}: 5 is the best fifth of the shop's buyers, 0 no buyer.",
    )


_recency_score = Constant(5.0) - _fifths_below(_times.since_last)
_frequency_score = Constant(1.0) + _fifths_below(_orders.total.nonzero)
_monetary_score = Constant(1.0) + _fifths_below(_revenue.total.nonzero)
RFM: Final = (
    _quintile("rfm_recency", _recency_score, "Quintile of recency"),
    _quintile("rfm_frequency", _frequency_score, "Quintile of the number of orders"),
    _quintile("rfm_monetary", _monetary_score, "Quintile of the value of all orders"),
    Feature(
        name="rfm",
        value=_recency_score + _frequency_score + _monetary_score,
        unit="3 to 15",
        description="Sum of the three quintile scores; 0 no buyer.",
    ),
)

ALL: Final = (
    *(RECENCY_DAYS, TENURE_DAYS, SEEN_DAYS),
    *ORDERS,
    *(ORDERS_TOTAL, ORDERS_DECAYED),
    *REVENUE,
    REVENUE_TOTAL,
    *UNITS_BOUGHT,
    *ORDER_VALUES,
    *(ORDER_VALUE_STD, BASKET_LINES),
    *REFUNDS,
    REFUNDED_TOTAL,
    *(GAP_MEAN, GAP_STD, GAP_MAX, GAP_LAST, OVERDUE_DAYS, OVERDUE_RATIO),
    *(DISCOUNT_SHARE, WEEKEND_SHARE, EVENING_SHARE, COUPONS),
    *RFM,
)
