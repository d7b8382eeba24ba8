"""The features and the shop that the benchmarks of the features are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from features.feature import Feature
from features.registry import REGISTRY
from features.shop import Shop
from simulator.parameters import CURRENCY, TIMEZONE

AS_OF: Final = datetime(2024, 7, 1, tzinfo=UTC)
DAYS: Final = 548  # 18 months
SEED: Final = 7
SHOP: Final = Shop(timezone=TIMEZONE, currency=CURRENCY)  # as `sendwise simulate` makes it
# The last of them is AS_OF.
MONTHS: Final = tuple(
    datetime(2023 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(7, 19)
)

_BASE: Final = (
    "recency_days",
    "tenure_days",
    "orders_30d",
    "orders_365d",
    "orders_total",
    "revenue_minor_30d",
    "revenue_minor_365d",
    "revenue_minor_total",
    "refunds_30d",
    "opens_30d",
    "clicks_30d",
    "mails_30d",
    "views_30d",
    "cart_adds_30d",
    "engagement",
    "open_recency_days",
    "click_recency_days",
    "view_hours",
    "discount_share_90d",
    "order_hour",
    "order_hour_strength",
)
# What the base set reads of `events`; money of one currency needs no `currency`.
COLUMNS: Final = ("customer_id", "event", "ts_us", "value_minor", "discount_minor", "is_machine")
_MORE: Final = (
    *(f"category_{what}_{place}" for place in range(1, 6) for what in ("top", "share")),
    "sessions_total",
    "session_minutes",
    "gap_mean_days",
    "gap_std_days",
    "gap_max_days",
)


def _named(*names: str) -> tuple[Feature, ...]:
    found = {one.name: one for one in REGISTRY}
    return tuple(found[name] for name in names)


BASE: Final = _named(*_BASE)
RICH: Final = _named(*_BASE, *_MORE)
