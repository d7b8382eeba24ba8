"""What a customer likes, and the habits they have: devices, hours, weekdays, places."""

from __future__ import annotations

from typing import Final

from features.feature import Feature
from features.formula import Trait, hour_of
from features.keys import BRAND, CATEGORY, DEPARTMENT, DEVICE, PRICE_BAND, PRODUCT, WEEKDAY
from features.kinds.hours import HourOfDay
from features.kinds.place import Place
from features.kinds.taste import Taste
from ingest.contract import (
    CHECKOUT_STARTED,
    EMAIL_CLICKED,
    EMAIL_OPENED,
    EVENT_NAMES,
    ORDER_COMPLETED,
    PRODUCT_ADDED,
    PRODUCT_LIST_VIEWED,
    PRODUCT_VIEWED,
)

_HALF_LIFE: Final = 90.0
# A look says less of a taste than a purchase does.
_WEIGHTS: Final = ((PRODUCT_VIEWED, 1.0), (PRODUCT_ADDED, 3.0), (ORDER_COMPLETED, 5.0))
_SEEN: Final = tuple(
    (event, 1.0)
    for event in (
        PRODUCT_LIST_VIEWED,
        PRODUCT_VIEWED,
        PRODUCT_ADDED,
        CHECKOUT_STARTED,
        ORDER_COMPLETED,
        EMAIL_OPENED,
        EMAIL_CLICKED,
    )
)
_FADES: Final = "views 1, carts 3, order lines 5, halved every 90 days"


def _tops(taste: Taste, places: int) -> tuple[Feature, ...]:
    key = taste.key.name
    return tuple(
        one
        for place in range(1, places + 1)
        for one in (
            Feature(
                name=f"{key}_top_{place}",
                value=taste.top(place),
                unit=key,
                description=f"The {key} in place {place} of the customer's affinity: {_FADES}.",
                default="",
            ),
            Feature(
                name=f"{key}_share_{place}",
                value=taste.share(place),
                unit="share",
                description=f"Share of the customer's affinity that {key}_top_{place} has.",
            ),
        )
    )


def _entropy(taste: Taste) -> Feature:
    key = taste.key.name
    return Feature(
        name=f"{key}_entropy",
        value=taste.entropy,
        unit="nats",
        description=f"Entropy of the affinity shares by {key}; 0: one only.",
    )


_department = Taste(DEPARTMENT, _WEIGHTS, _HALF_LIFE)
_category = Taste(CATEGORY, _WEIGHTS, _HALF_LIFE)
_brand = Taste(BRAND, _WEIGHTS, _HALF_LIFE)
_product = Taste(PRODUCT, _WEIGHTS, _HALF_LIFE)
_band = Taste(PRICE_BAND, _WEIGHTS, _HALF_LIFE)
_device = Taste(DEVICE, _SEEN, _HALF_LIFE)
_weekday = Taste(WEEKDAY, _SEEN, _HALF_LIFE)
_orders_at = HourOfDay((ORDER_COMPLETED,), 365.0)
_mails_at = HourOfDay((EMAIL_OPENED, EMAIL_CLICKED), 180.0)
_place = Place(EVENT_NAMES)

DEPARTMENT_TOPS: Final = _tops(_department, 3)
TOP_CATEGORY_SHARE: Final = DEPARTMENT_TOPS[1]
CATEGORY_ENTROPY: Final = _entropy(_department)
CATEGORIES: Final = Feature(
    name="departments",
    value=_department.keys,
    unit="departments",
    description="First-level categories looked at, put into the cart or bought from, ever.",
)
CATEGORY_TOPS: Final = _tops(_category, 5)


def _hour(name: str, hours: HourOfDay, description: str) -> tuple[Feature, ...]:
    """Define a habitual hour and how strong the habit is; without one it is noon."""
    sine, cosine = hours.sine, hours.cosine
    return (
        Feature(
            name=f"{name}_hour",
            value=hour_of(sine, cosine),
            unit="hour of the day",
            description=f"Circular mean of the hour, shop time, of {description}.",
            default=12.0,
        ),
        Feature(
            name=f"{name}_hour_strength",
            value=(sine * sine + cosine * cosine).root,
            unit="0 to 1",
            description=f"How much the hours of {description} agree; 1: always the same.",
        ),
    )


ORDER_HOUR: Final = _hour("order", _orders_at, "orders, halved in weight every 365 days")
# Traits have no history: only what a customer hardly ever changes can be read of them.
LOCALE: Final = Feature(
    name="locale",
    value=Trait("locale", like="[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*"),
    unit="language tag",
    description="The locale of the customer's traits, such as de-DE: as they are today, whatever"
    " the cut-off.",
    default="",
)

ALL: Final = (
    *DEPARTMENT_TOPS,
    CATEGORIES,
    CATEGORY_ENTROPY,
    *CATEGORY_TOPS,
    *_tops(_brand, 3),
    _entropy(_brand),
    *_tops(_product, 3),
    *_tops(_band, 1),
    _entropy(_band),
    *_tops(_device, 1),
    *_tops(_weekday, 1),
    *ORDER_HOUR,
    *_hour("mail", _mails_at, "opens and clicks by the customer, halved in weight every 180 days"),
    *(
        Feature(
            name=side,
            value=_place.side(side),
            unit=side,
            description=f"The {side} of the last event that names a country.",
            default="",
        )
        for side in ("country", "region", "city")
    ),
    LOCALE,
)
