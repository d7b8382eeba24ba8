"""Where a customer was last seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ibis
from ibis import Table

from features.formula import Column, Read
from features.kinds.kind import Fold, Move, Part, Reader, Rows, Tabled
from features.row import Row
from features.shop import Shop

_SIDES: Final = ("country", "region", "city")


@dataclass(frozen=True, slots=True)
class Place(Tabled):
    """Country, region and city of the last event that names a country, together.

    Of two at the same instant, the later in the alphabet.
    """

    events: tuple[str, ...]

    def side(self, name: str) -> Read:
        """Return `country`, `region` or `city`."""
        return Read(self, name, text=True)

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Group by place, and take the last."""
        rows = events.only(self.events).filter(lambda row: row.country.notnull())
        sides = {side: rows[side].fill_null("") for side in _SIDES}
        rows = rows.select(*events.keys, "ts_us", **sides)
        places = rows.group_by([*events.keys, *_SIDES]).agg(last_us=rows.ts_us.max())
        order = [ibis.desc(name) for name in ("last_us", *_SIDES)]
        nth = ibis.row_number().over(ibis.window(group_by=events.keys, order_by=order))
        places = places.mutate(nth=nth).filter(lambda each: each.nth == 0)
        return places.select(*events.keys, "last_us", *_SIDES)

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Return where the customer was seen since, or else before."""
        return {name: part.fill_null(move.old[name]) for name, part in move.came.items()}

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:  # places stay
        """Return a side of the place."""
        return parts[read.what].nullif("")

    def init(self) -> Part:
        """Return no place."""
        return []

    def folder(self, shop: Shop) -> Fold:  # places are the same everywhere
        """Return the function that keeps the later place."""

        def fold(part: Part, row: Row) -> None:
            if row.country is not None and (not part or row.ts_us >= part[0]):
                place = [row.ts_us, row.country, row.region or "", row.city or ""]
                part[:] = max(part, place)

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Keep the later place."""
        part[:] = max(part, other)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return sides of the place."""
        sides = [_SIDES.index(read.what) + 1 for read in reads]
        nothing: list[Any] = [None] * len(sides)
        return lambda part, at: [part[side] or None for side in sides] if part else nothing
