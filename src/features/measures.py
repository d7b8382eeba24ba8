"""Measures: the numbers of a row that kinds count by, each for SQL and for Python, side by side.

These, `features.keys` and the kinds themselves are all that is written twice, and every test of
equality holds the halves together. Sums are of integers wherever that is possible: they are equal
in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import ibis
from ibis import Table, Value

from core.clock import DAY_US
from features.columns import Clock, Of, Source, exchange, exchanged, isodow, local_days, local_us
from features.row import Happening, Line
from features.shop import Shop
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, ORDER_COMPLETED

_HOUR_US: Final = 3_600_000_000
_EVENING: Final = 17
_SATURDAY: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number of a row: how SQL and how Python get it. A row without it adds nothing."""

    name: str
    source: Source
    column: Callable[[Table, Clock], Value]
    python: Callable[[Shop], Of]
    kind: Literal["one", "int", "float"] = "int"  # one: every row adds 1
    costly: bool = False  # worth computing for the rows that count only

    def __repr__(self) -> str:
        return self.name


def _radians(rows: Table, clock: Clock) -> Value:
    return (local_us(rows, clock) % DAY_US).cast("float64") * (2 * math.pi / DAY_US)


def _turn(function: Callable[[float], float]) -> Callable[[Shop], Of]:
    def python(shop: Shop) -> Of:
        return lambda row: function((shop.local_us(row.ts_us) % DAY_US) * (2 * math.pi / DAY_US))

    return python


def _one(shop: Shop) -> Of:  # the same shape as the others
    return lambda row: 1


ONE: Final = Measure(
    name="one",
    kind="one",
    source="events",
    column=lambda rows, clock: ibis.literal(1, "int64"),
    python=_one,
)
VALUE: Final = Measure(
    name="value",
    source="events",
    column=exchanged("value_minor"),
    python=exchange("value_minor"),
)
DISCOUNT: Final = Measure(
    name="discount",
    source="events",
    column=exchanged("discount_minor"),
    python=exchange("discount_minor"),
)
WEEKEND: Final = Measure(
    name="weekend",
    costly=True,
    source="events",
    column=lambda rows, clock: ibis.ifelse(isodow(local_days(rows, clock)) >= _SATURDAY, 1, 0),
    python=lambda shop: lambda row: int(isodow(shop.local_us(row.ts_us) // DAY_US) >= _SATURDAY),
)
EVENING: Final = Measure(
    name="evening",
    costly=True,
    source="events",
    column=lambda rows, clock: ibis.ifelse(
        local_us(rows, clock) % DAY_US >= _EVENING * _HOUR_US, 1, 0
    ),
    python=lambda shop: lambda row: int(shop.local_us(row.ts_us) % DAY_US >= _EVENING * _HOUR_US),
)
SINE: Final = Measure(
    name="sine",
    source="events",
    kind="float",
    column=lambda rows, clock: _radians(rows, clock).sin(),
    python=_turn(math.sin),
)
COSINE: Final = Measure(
    name="cosine",
    source="events",
    kind="float",
    column=lambda rows, clock: _radians(rows, clock).cos(),
    python=_turn(math.cos),
)


def _weights(shop: Shop) -> dict[str, float]:
    weight = shop.engagement
    return {
        EMAIL_OPENED: weight["open"],
        EMAIL_CLICKED: weight["click"],
        ORDER_COMPLETED: weight["order"],
    }


def _engagement(shop: Shop) -> Of:
    weights = _weights(shop)
    return lambda row: weights.get(row.event)


def _square(shop: Shop) -> Of:
    value = VALUE.python(shop)

    def of(row: Happening) -> int | None:
        amount = value(row)
        return None if amount is None else int(amount * amount)

    return of


VALUE_SQUARED: Final = Measure(
    name="value_squared",
    costly=True,
    source="events",
    column=lambda rows, clock: VALUE.column(rows, clock) * VALUE.column(rows, clock),
    python=_square,
)
ENGAGEMENT: Final = Measure(
    name="engagement",
    costly=True,
    source="events",
    kind="float",
    column=lambda rows, clock: rows.event.cases(*_weights(clock.shop).items()),
    python=_engagement,
)
LINES: Final = Measure(
    name="lines",
    kind="one",
    source="items",
    column=lambda rows, clock: ibis.literal(1, "int64"),
    python=_one,
)
UNITS: Final = Measure(
    name="units",
    source="items",
    column=lambda rows, clock: rows.quantity,
    python=lambda shop: lambda row: row.quantity,
)


def _put(shop: Shop) -> Of:
    price = exchange("price_minor")(shop)

    def of(row: Line) -> int | None:
        each = price(row)
        return None if each is None else each * (1 if row.quantity is None else row.quantity)

    return of


WORTH: Final = Measure(
    name="worth",
    source="items",
    column=lambda rows, clock: exchanged("price_minor")(rows, clock) * rows.quantity.fill_null(1),
    python=_put,
)
