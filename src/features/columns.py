"""What a row says of money and time, for SQL and for Python, side by side.

Amounts are in minor units of the base currency, days and hours are on the shop's clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import ibis
from ibis import Table, Value

from core.clock import DAY_US
from features.formula import Column
from features.row import Row
from features.shop import Shop

Source = Literal["events", "items"]
Of = Callable[[Any], Any]  # from a row to its number or text


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What SQL needs besides the row: rates by currency, and when the shop's offset changes."""

    shop: Shop
    factors: tuple[tuple[str, float], ...] = ()
    changes: tuple[tuple[int, int], ...] = ((0, 0),)


def exchanged(name: str) -> Callable[[Table, Clock], Value]:
    """Return how SQL gets an amount in the base currency."""

    def column(rows: Table, clock: Clock) -> Value:
        rate = _rate(rows, clock)
        if rate is None:
            return rows[name]
        # As Python rounds below: of doubles, halves away from zero. Engines differ in both.
        exact = rows[name].cast("float64") * rate
        rounded = ibis.ifelse(exact < 0.0, -(0.5 - exact).floor(), (exact + 0.5).floor())
        return rounded.cast("int64")

    return column


def _rate(rows: Table, clock: Clock) -> Value | None:
    if all(factor == 1.0 for _, factor in clock.factors):
        return None
    return rows.currency.cases(*clock.factors, else_=1.0)


def exchange(name: str) -> Callable[[Shop], Of]:
    """Return how Python gets an amount in the base currency."""

    def python(shop: Shop) -> Of:
        if not shop.rates:
            return lambda row: getattr(row, name)
        factors = shop.factors(sorted({shop.currency, *shop.rates}))

        def of(row: Row) -> int | None:
            amount = getattr(row, name)
            if amount is None:
                return None
            # As SQL rounds: halves away from zero.
            exact = amount * factors.get(row.currency or "", 1.0)
            return int(math.copysign(math.floor(abs(exact) + 0.5), exact))

        return of

    return python


def local_us(rows: Table, clock: Clock) -> Value:
    """Return a column of instants as the shop's clock shows them, counted as if that were UTC."""
    (_, first), *later = clock.changes
    offset: Any = ibis.literal(first)
    for at_us, value in later:
        offset = ibis.ifelse(rows.ts_us >= at_us, value, offset)
    return rows.ts_us + offset


def isodow(days: Column) -> Column:
    """Return 1 (Monday) to 7 of days since 1970, which began on a Thursday."""
    return (days + 3) % 7 + 1


def whole(instants: Column, unit: int) -> Column:
    """Return how many whole units instants hold, an integer; exact, as a float division is not."""
    return ((instants - instants % unit) / unit).cast("int64")


def local_days(rows: Table, clock: Clock) -> Value:
    """Return a column of days since 1970 on the shop's clock."""
    return whole(local_us(rows, clock), DAY_US)
