"""Looks at one thing, and again, without buying it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import ibis
from ibis import Table

from core.clock import DAY_US
from features.formula import Read
from features.keys import Key
from features.kinds.kind import Brief, Fold, Part, Reader, Rows
from features.row import Row
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED

_LOOKED_THROUGH: Final = (16, 32, 48)  # at so many keys those out of every window go
_MOST_LOOKS: Final = 64  # keys that a part of looks holds before it forgets the least


@dataclass(frozen=True, slots=True)
class Repeats(Brief):
    """Looks at one key in the last `days`, of a key with no purchase in that time.

    A part is exact below `_MOST_LOOKS` keys looked at in that time; above, the keys looked at
    least and longest ago go.
    """

    source: ClassVar[Any] = "items"

    key: Key
    looked: tuple[str, ...]
    days: int

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]  # made of other fields
        """Names of the events that count."""
        return (*self.looked, ORDER_COMPLETED)

    @property
    def most(self) -> Read:
        """Looks at the key looked at most."""
        return Read(self, "most", nullable=False)

    @property
    def at(self) -> Read:
        """The key looked at most."""
        return Read(self, "at", text=True)

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Count by key, leave out what was bought, and take the first."""
        rows = items.only(self.events).filter(lambda row: row.ts_us >= items.since(self.days))
        key = self.key.column(rows, items.clock)
        rows = rows.select(*items.keys, key=key, bought=items.of((ORDER_COMPLETED,)))
        rows = rows.filter(rows.key.notnull())
        looks = rows.group_by([*items.keys, "key"]).agg(
            looks=rows.count(), bought=rows.bought.any()
        )
        looks = looks.filter(~looks.bought)
        order = [ibis.desc(looks.looks), ibis.asc(looks.key)]
        place = ibis.row_number().over(ibis.window(group_by=items.keys, order_by=order))
        looks = looks.mutate(place=place).filter(lambda each: each.place == 0)
        return looks.group_by(items.keys).agg(
            most=looks.looks.max().cast("float64"), at=looks.key.max()
        )

    def init(self) -> Part:
        """Return no keys: key -> [day last bought, looks by day]."""
        return {}

    def folder(self, shop: Shop) -> Fold:
        """Return the function that notes a look or a purchase."""
        of, looked = self.key.python(shop), frozenset(self.looked)

        def fold(part: Part, row: Row) -> None:
            if (key := of(row)) is None:
                return
            seen, day = part.setdefault(key, [None, {}]), row.ts_us // DAY_US
            if row.event not in looked:
                if seen[0] is None or day > seen[0]:
                    seen[0] = day
                    if len(part) in _LOOKED_THROUGH:
                        self._forget(part)
            elif day in seen[1]:
                seen[1][day] += 1
            else:
                seen[1][day] = 1
                if len(seen[1]) > 2 * self.days + 2:
                    self._forget(part)
            if len(part) > _MOST_LOOKS:
                self._forget(part)

        return fold

    def _forget(self, part: Part) -> None:
        """Drop what no window of the last day reaches; then half, the keys looked at least."""
        first = max(max((*looks, bought or 0)) for bought, looks in part.values()) - self.days
        for key, (bought, looks) in list(part.items()):
            part[key][1] = {day: number for day, number in looks.items() if day >= first}
            if not part[key][1] and (bought is None or bought < first):
                del part[key]
        if len(part) > _MOST_LOOKS:
            order = sorted(part, key=lambda key: (-sum(part[key][1].values()), key))
            for key in order[_MOST_LOOKS // 2 :]:
                del part[key]

    def merge(self, part: Part, other: Part) -> None:
        """Put together the looks of both."""
        for key, (bought, looks) in other.items():
            seen = part.setdefault(key, [None, {}])
            for day, number in looks.items():
                seen[1][day] = seen[1].get(day, 0) + number
            if bought is not None:
                seen[0] = bought if seen[0] is None else max(seen[0], bought)
        if len(part) > _MOST_LOOKS:
            self._forget(part)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the key looked at most, or how often."""
        wanted = [0 if read.what == "most" else 1 for read in reads]

        def read(part: Part, at: int) -> list[Any]:
            first = at // DAY_US - self.days
            best: tuple[int, str | None] = (0, None)
            for key, (bought, by_day) in part.items():
                if bought is None or bought < first:
                    looks = sum(number for day, number in by_day.items() if day >= first)
                    if looks and (-looks, key) < (-best[0], best[1] or ""):
                        best = (looks, key)
            found = (float(best[0]), best[1])
            return [found[place] for place in wanted]

        return read
