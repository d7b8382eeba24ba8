"""Keys: the texts of a row that kinds group by, each for SQL and for Python, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import ibis
from ibis import Table, Value

from core.clock import DAY_US
from features.columns import Clock, Of, Source, exchange, exchanged, isodow, local_days
from features.row import Line, Row
from features.shop import Shop

# A price belongs to the band that begins at the last of these, in units of the base currency.
PRICE_BANDS: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A text of a row, null where it has none."""

    name: str
    source: Source
    column: Callable[[Table, Clock], Value]
    python: Callable[[Shop], Of]

    def __repr__(self) -> str:
        return self.name


def _trimmed(name: str, source: Source) -> Key:
    def of(row: Row) -> str | None:
        text = getattr(row, name)
        return (text.strip(" ") or None) if text else None

    return Key(
        name=name,
        source=source,
        column=lambda rows, clock: trim(rows[name]).nullif(""),
        python=lambda shop: of,
    )


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # Ibis ships no types
def split_part(text: str, mark: str, part: int) -> str:  # type: ignore[empty-body]  # the engine's
    """Return a part of a text; `split()[0]` would make engines build a list of every row."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # Ibis ships no types
def trim(text: str) -> str:  # type: ignore[empty-body]  # the engine's
    """Return a text without blanks around it."""


def _department(row: Line) -> str | None:
    text = row.category
    return (text.split("/", 1)[0].strip(" ") or None) if text else None


def band_of(price_minor: int, digits: int) -> str:
    """Name the price band of an amount in minor units, of which `10**digits` make a unit."""
    return str(max(edge for edge in PRICE_BANDS if edge * 10**digits <= max(price_minor, 0)))


def _bands(rows: Table, clock: Clock) -> Value:
    price: Any = exchanged("price_minor")(rows, clock)
    scale = 10**clock.shop.digits
    branches = [(price >= edge * scale, str(edge)) for edge in reversed(PRICE_BANDS[1:])]
    return ibis.cases(*branches, (price.notnull(), "0"))


def _band(shop: Shop) -> Of:
    price, digits = exchange("price_minor")(shop), shop.digits

    def of(row: Line) -> str | None:
        each = price(row)
        return None if each is None else band_of(each, digits)

    return of


DEPARTMENT: Final = Key(  # first level of the path: "GROCERY"
    name="department",
    source="items",
    column=lambda rows, clock: trim(split_part(rows.category, "/", 1)).nullif(""),
    python=lambda shop: _department,
)
CATEGORY: Final = _trimmed("category", "items")  # the whole path: two leaves may share a name
BRAND: Final = _trimmed("brand", "items")
PRODUCT: Final = _trimmed("product_id", "items")
PRICE_BAND: Final = Key(name="price_band", source="items", column=_bands, python=_band)
DEVICE: Final = _trimmed("device", "events")
CAMPAIGN: Final = _trimmed("campaign_id", "events")
WEEKDAY: Final = Key(
    name="weekday",
    source="events",
    column=lambda rows, clock: isodow(local_days(rows, clock)).cases(
        *((number, name) for number, name in enumerate(_WEEKDAYS, start=1))
    ),
    python=lambda shop: lambda row: _WEEKDAYS[isodow(shop.local_us(row.ts_us) // DAY_US) - 1],
)
