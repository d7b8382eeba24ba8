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
    """A text of a row, null where it has none.

    SQL gets it in two steps: `raw`, which is cheap, and what is made of that, which can be done
    once for all rows with the same raw value. Keys with the same raw value name it alike: `of`.
    """

    name: str
    source: Source
    of: str
    raw: Callable[[Table, Clock], Value]
    refined: Callable[[Value], Value]
    python: Callable[[Shop], Of]

    def __repr__(self) -> str:
        return self.name

    def column(self, rows: Table, clock: Clock) -> Value:
        """Return the key of each row."""
        return self.refined(self.raw(rows, clock))


def _trimmed(name: str, source: Source) -> Key:
    def of(row: Row) -> str | None:
        text = getattr(row, name)
        return (text.strip(" ") or None) if text else None

    return Key(
        name=name,
        source=source,
        of=name,
        raw=lambda rows, clock: rows[name],
        refined=lambda text: trim(text, " ").nullif(""),
        python=lambda shop: of,
    )


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # Ibis ships no types
def split_part(text: str, mark: str, part: int) -> str:  # type: ignore[empty-body]  # the engine's
    """Return a part of a text; `split()[0]` would make engines build a list of every row."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]  # Ibis ships no types
def trim(text: str, blanks: str) -> str:  # type: ignore[empty-body]  # the engine's
    """Return a text without blanks around it; engines differ in what they would take for one."""


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
    of="category",
    raw=lambda rows, clock: rows.category,
    refined=lambda text: trim(split_part(text, "/", 1), " ").nullif(""),
    python=lambda shop: _department,
)
CATEGORY: Final = _trimmed("category", "items")  # the whole path: two leaves may share a name
BRAND: Final = _trimmed("brand", "items")
PRODUCT: Final = _trimmed("product_id", "items")
PRICE_BAND: Final = Key(
    name="price_band",
    source="items",
    of="price_band",
    raw=_bands,
    refined=lambda text: text.nullif(""),
    python=_band,
)
DEVICE: Final = _trimmed("device", "events")
CAMPAIGN: Final = _trimmed("campaign_id", "events")
WEEKDAY: Final = Key(
    name="weekday",
    source="events",
    of="weekday",
    raw=lambda rows, clock: isodow(local_days(rows, clock)),
    refined=lambda day: day.cases(*((nth, name) for nth, name in enumerate(_WEEKDAYS, start=1))),
    python=lambda shop: lambda row: _WEEKDAYS[isodow(shop.local_us(row.ts_us) // DAY_US) - 1],
)
