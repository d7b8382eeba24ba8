"""What a customer looks at, puts into the cart and leaves there, and how visits go."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from features.feature import Feature
from features.formula import Formula
from features.keys import CATEGORY, PRODUCT
from features.kinds.cart import Cart
from features.kinds.distinct import DaysWithout
from features.kinds.repeats import Repeats
from features.kinds.sessions import Sessions
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import ONE, WORTH
from ingest.contract import (
    CHECKOUT_STARTED,
    ORDER_COMPLETED,
    PRODUCT_ADDED,
    PRODUCT_LIST_VIEWED,
    PRODUCT_REMOVED,
    PRODUCT_VIEWED,
    PRODUCT_WISHED,
    SESSION_STARTED,
)

_WINDOWS: Final = (7, 30, 90)
_HOUR: Final = timedelta(hours=1)
_VISIT: Final = (
    SESSION_STARTED,
    PRODUCT_LIST_VIEWED,
    PRODUCT_VIEWED,
    PRODUCT_ADDED,
    PRODUCT_REMOVED,
    PRODUCT_WISHED,
    CHECKOUT_STARTED,
    ORDER_COMPLETED,
)
_sessions = Sessions(_VISIT)
_velocity = _sessions.happened / _sessions.minutes
_last_velocity = _sessions.last_happened / _sessions.last_minutes
_looks = Repeats(PRODUCT, (PRODUCT_VIEWED,), 7)
_category_looks = Repeats(CATEGORY, (PRODUCT_VIEWED,), 7)


def _live(
    name: str, value: Formula, unit: str, description: str, default: float | str = 0.0
) -> Feature:
    """Define a feature of which a visit under way changes what is true."""
    return Feature(
        name=name, value=value, unit=unit, description=description, default=default, max_age=_HOUR
    )


def _over(name: str, event: str, description: str) -> tuple[Feature, ...]:
    tally = Tally(ONE, (event,))
    return tuple(
        _live(f"{name}_{days}d", tally.last(days), "events", f"{description}, last {days} days.")
        for days in _WINDOWS
    )


def _hours(name: str, event: str, description: str) -> Feature:
    return _live(
        name, Times((event,)).since_last * 24.0, "hours", f"Time since {description}.", 87_600.0
    )


VIEWS: Final = _over("views", PRODUCT_VIEWED, "Views of a product")
CARTS: Final = _over("cart_adds", PRODUCT_ADDED, "Products put into the cart")
CHECKOUTS: Final = _over("checkouts", CHECKOUT_STARTED, "Checkouts begun")

ALL: Final = (
    *VIEWS,
    *_over("list_views", PRODUCT_LIST_VIEWED, "Views of a list of products"),
    *CARTS,
    *_over("cart_removals", PRODUCT_REMOVED, "Products taken out of the cart"),
    *_over("wishes", PRODUCT_WISHED, "Products put on the wish list"),
    *CHECKOUTS,
    _live(
        "carts_abandoned_90d",
        DaysWithout((PRODUCT_ADDED,), (ORDER_COMPLETED,), 90).number,
        "days",
        "Days of the last 90 on which something was put into the cart and nothing ordered.",
    ),
    _live(
        "checkouts_abandoned_90d",
        DaysWithout((CHECKOUT_STARTED,), (ORDER_COMPLETED,), 90).number,
        "days",
        "Days of the last 90 on which a checkout was begun and nothing ordered.",
    ),
    _live(
        "cart_value_minor",
        Cart(WORTH, 30).left,
        "minor units",
        "Value left in the cart: put in and not taken out since the last order, last 30 days.",
    ),
    _hours("cart_hours", PRODUCT_ADDED, "something was put into the cart"),
    _hours("checkout_hours", CHECKOUT_STARTED, "a checkout was begun"),
    _hours("view_hours", PRODUCT_VIEWED, "a product was viewed"),
    _live(
        "repeat_views_7d",
        _looks.most,
        "views",
        "Views of the product viewed most in the last 7 days and not bought in them.",
    ),
    _live(
        "repeat_viewed_product",
        _looks.at,
        "product",
        "The product viewed most in the last 7 days and not bought in them.",
        "",
    ),
    _live(
        "repeat_category_views_7d",
        _category_looks.most,
        "views",
        "Views in the category viewed most in the last 7 days and not bought from in them.",
    ),
    _live(
        "repeat_viewed_category",
        _category_looks.at,
        "category",
        "The category viewed most in the last 7 days and not bought from in them.",
        "",
    ),
    Feature(
        name="active_days_30d",
        value=DaysWithout(_VISIT, (), 30).number,
        unit="days",
        description="Days of the last 30 with a visit.",
    ),
    _live("sessions_total", _sessions.number, "sessions", "Visits, half an hour apart at least."),
    _live(
        "session_minutes",
        _sessions.minutes / _sessions.number,
        "minutes",
        "Mean length of a visit, a minute more than from its first event to its last.",
    ),
    _live(
        "session_events",
        _sessions.happened / _sessions.number,
        "events",
        "Mean number of events in a visit.",
    ),
    _live("session_velocity", _velocity, "events a minute", "Events a minute, over all visits."),
    _live(
        "last_session_velocity",
        _last_velocity,
        "events a minute",
        "Events a minute in the last visit.",
    ),
    _live(
        "session_velocity_ratio",
        _last_velocity / _velocity,
        "times the usual",
        "Velocity of the last visit over that of all visits; 1: as usual.",
        1.0,
    ),
)
