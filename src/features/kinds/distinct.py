"""Distinct days and distinct keys: on how many days, of how many campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ibis import Table

from core.clock import DAY_US
from features.columns import whole
from features.formula import Read
from features.keys import Key
from features.kinds.kind import Brief, Fold, Part, Reader, Rows
from features.row import Row
from features.shop import Shop

_MOST_KEYS: Final = 400  # different keys that a part of these holds


@dataclass(frozen=True, slots=True)
class DaysWithout(Brief):
    """Days (UTC) of the last `days` on which one thing happened and another did not."""

    happened: tuple[str, ...]
    missing: tuple[str, ...]
    days: int

    @property
    def events(self) -> tuple[str, ...]:  # type: ignore[override]  # made of other fields
        """Names of the events that count."""
        return (*self.happened, *self.missing)

    @property
    def number(self) -> Read:
        """How many such days."""
        return Read(self, "number", nullable=False)

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Group by day, then count."""
        rows = events.only(self.events).filter(lambda row: row.ts_us >= events.since(self.days))
        happened = events.of(self.happened)
        rows = rows.select(*events.keys, day=whole(rows.ts_us, DAY_US), happened=happened)
        days = rows.group_by([*events.keys, "day"]).agg(
            one=rows.happened.any(), other=(~rows.happened).any()
        )
        days = days.filter(days.one & ~days.other)
        return days.group_by(events.keys).agg(number=days.count().cast("float64"))

    def init(self) -> Part:
        """Return no days: day -> 1 where it happened, 2 where the other did, 3 where both."""
        return {}

    def folder(self, shop: Shop) -> Fold:  # days are UTC everywhere
        """Return the function that marks a day."""
        happened, limit = frozenset(self.happened), 2 * self.days + 2

        def fold(part: Part, row: Row) -> None:
            day = row.ts_us // DAY_US
            part[day] = part.get(day, 0) | (1 if row.event in happened else 2)
            if len(part) > limit:
                self._forget(part)

        return fold

    def _forget(self, part: Part) -> None:
        first = max(part) - self.days
        for day in [day for day in part if day < first]:
            del part[day]

    def merge(self, part: Part, other: Part) -> None:
        """Mark the days of both."""
        for day, marks in other.items():
            part[day] = part.get(day, 0) | marks
        if part:
            self._forget(part)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the number of days with the first mark only."""
        number = len(reads)

        def read(part: Part, at: int) -> list[float]:
            first = at // DAY_US - self.days
            return [float(sum(marks == 1 and day >= first for day, marks in part.items()))] * number

        return read


@dataclass(frozen=True, slots=True)
class Distinct(Brief):
    """How many different keys events of the last `days` had.

    A part keeps each key's last day; above `_MOST_KEYS` in the window the oldest go.
    """

    key: Key
    events: tuple[str, ...]
    days: int

    @property
    def number(self) -> Read:
        """How many different keys."""
        return Read(self, "number", nullable=False)

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Group by key, then count."""
        rows = events.only(self.events).filter(lambda row: row.ts_us >= events.since(self.days))
        keys = rows.select(*events.keys, key=self.key.column(rows, events.clock))
        keys = keys.filter(keys.key.notnull()).distinct()
        return keys.group_by(events.keys).agg(number=keys.count().cast("float64"))

    def init(self) -> Part:
        """Return no keys."""
        return {}

    def folder(self, shop: Shop) -> Fold:
        """Return the function that notes a key's day."""
        of = self.key.python(shop)

        def fold(part: Part, row: Row) -> None:
            if (key := of(row)) is not None:
                part[key] = max(part.get(key, 0), row.ts_us // DAY_US)
                if len(part) > _MOST_KEYS:
                    self._forget(part)

        return fold

    def _forget(self, part: Part) -> None:
        first = max(part.values()) - self.days
        kept = {key: day for key, day in part.items() if day >= first}
        if len(kept) > _MOST_KEYS:
            kept = dict(sorted(kept.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_KEYS])
        part.clear()
        part.update(kept)

    def merge(self, part: Part, other: Part) -> None:
        """Keep each key's later day."""
        for key, day in other.items():
            part[key] = max(part.get(key, 0), day)
        if part:
            self._forget(part)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the number of keys within the days."""
        number = len(reads)

        def read(part: Part, at: int) -> list[float]:
            first = at // DAY_US - self.days
            return [float(sum(day >= first for day in part.values()))] * number

        return read
