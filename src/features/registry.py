"""Every feature, and the sets of them that models learn from.

Definitions are in `features.definitions`, by what they are about. Money is in minor units of the
shop's base currency. A window of 30 days is [midnight UTC 30 days before that of the cut-off,
cut-off): the cut-off itself is the future. Machine opens and clicks count nothing.
"""

from __future__ import annotations

from typing import Final

from features.definitions import browsing, emails, orders, tastes
from features.definitions.orders import (
    BASKET_LINES,
    COUPONS,
    DISCOUNT_SHARE,
    EVENING_SHARE,
    GAP_MAX,
    GAP_MEAN,
    GAP_STD,
    ORDERS_DECAYED,
    ORDERS_TOTAL,
    OVERDUE_RATIO,
    RECENCY_DAYS,
    REVENUE_TOTAL,
    TENURE_DAYS,
    WEEKEND_SHARE,
)
from features.definitions.tastes import (
    CATEGORIES,
    CATEGORY_ENTROPY,
    ORDER_HOUR,
    TOP_CATEGORY_SHARE,
)
from features.feature import Feature, checked

ABOUT: Final[dict[str, tuple[Feature, ...]]] = {
    "Orders": orders.ALL,
    "E-mails": emails.ALL,
    "Visits and carts": browsing.ALL,
    "Tastes, habits and places": tastes.ALL,
}
REGISTRY: Final = checked(one for features in ABOUT.values() for one in features)


def _named(*names: str) -> tuple[Feature, ...]:
    by_name = {one.name: one for one in REGISTRY}
    return tuple(by_name[name] for name in names)


# Windows that models learn from: of 30, 90 and 365 days.
ORDERS: Final = orders.ORDERS[1:]
REVENUE: Final = orders.REVENUE[1:]
ORDER_VALUE: Final = orders.ORDER_VALUES[2]
REFUNDS: Final = orders.REFUNDS[2]
MAILS: Final = emails.MAILS[2]

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
    DISCOUNT_SHARE,
    WEEKEND_SHARE,
    EVENING_SHARE,
    REFUNDS,
    MAILS,
    COUPONS,
    CATEGORIES,
    TOP_CATEGORY_SHARE,
    CATEGORY_ENTROPY,
    # Orders once more, from other sides.
    *_named("gap_last_days", "overdue_days", "units_90d", "units_365d"),
    *_named("order_value_minor_365d", "order_value_std_minor", "order_hour", "order_hour_strength"),
    *_named("refunds_365d", "refunded_minor_total", "product_id_share_1"),
    # What customers do besides ordering; a shop that does not collect it has the defaults.
    *_named("opens_30d", "opens_90d", "clicks_90d", "open_rate", "click_rate", "engagement"),
    *_named("open_recency_days", "click_recency_days", "views_30d", "views_90d", "view_hours"),
    *_named("cart_adds_30d", "carts_abandoned_90d", "cart_value_minor", "cart_hours"),
    *_named("active_days_30d", "sessions_total"),
)
# Who answers a mail: what became of the mails before, and how near the customer is to the shop.
ENGAGEMENT: Final[tuple[Feature, ...]] = _named(
    *("mails_7d", "mails_30d", "mails_90d", "mails_365d"),
    *("opens_7d", "opens_30d", "opens_90d", "opens_365d"),
    *("clicks_30d", "clicks_90d", "clicks_365d"),
    *("open_rate", "click_rate", "click_to_open_rate", "engagement", "engagement_365d"),
    *("open_recency_days", "click_recency_days", "mail_hour", "mail_hour_strength"),
    *("recency_days", "seen_days", "orders_30d", "orders_90d", "orders_365d", "orders_decayed"),
    *("revenue_minor_365d", "order_value_minor_365d", "gap_mean_days", "overdue_ratio"),
    *("discount_share_90d", "coupons_90d", "basket_lines_90d", "departments"),
    *("department_entropy", "department_share_1", "active_days_30d", "sessions_total"),
    *("views_30d", "cart_adds_30d", "unsubscribes_365d", "bounces_365d"),
)
# What foretells one order foretells several, and none.
VALUE: Final = PROPENSITY
CHURN: Final = PROPENSITY
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
# Besides the hours at which mail is read, see features.reading.
SEND_TIME: Final[tuple[Feature, ...]] = ORDER_HOUR
RFM: Final[tuple[Feature, ...]] = (RECENCY_DAYS, ORDERS_TOTAL, REVENUE_TOTAL)
# What only grows with history drifts by itself. Recency does too: of those who left it is their
# age, and in a young history the longest there can be grows day by day.
WINDOWED: Final[tuple[Feature, ...]] = tuple(
    one for one in PROPENSITY if one.window_days is not None and one.window_days <= 90
)
