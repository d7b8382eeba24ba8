"""One more day: the parts of customers as of one cut-off, moved on to the next.

The parts as of before are a table `state`, with `old_` before their names; pairs of keyed kinds
are tables `old_NAME_pairs`, each weight as of its `end_us`. What is read of the events is what has
happened since, what has left a window since, and the windows of brief kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any, Final

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US
from features.columns import Source
from features.dialects import printed, within
from features.families import Family, Reads, families, windows
from features.formula import Read
from features.groupings import (
    CUSTOMER_NUMBERS,
    CUSTOMERS,
    KEPT,
    Groupings,
    Step,
    columns_of,
    ids_in,
    join,
)
from features.kinds.kind import Brief, Kind, Move, Rows, left, named, parts_of
from features.things import CUSTOMER, Things
from features.tiles import grouped

STATE: Final = "state"
OLD: Final = "old_"
_MOST_DAYS: Final = 31  # without windows: what came since is not to be all there is
_KEYS: Final = (c.CUSTOMER_ID, CUSTOMER)
_CAME: Final = 0  # the tile of what has happened since; that of a window is its days


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance(Groupings):
    """The steps that move the parts of `since_us` on to the one cut-off, of everybody seen."""

    since_us: int

    @classmethod
    def of(cls, whole: Groupings, since_us: int) -> Advance:
        """Return how what `whole` makes from all events is made from a state."""
        return cls(
            kinds=whole.kinds,
            cutoffs=whole.cutoffs,
            clock=whole.clock,
            who=whole.who,
            apart=True,
            since_us=since_us,
        )

    @property
    def families(self) -> list[Family]:
        """All flat kinds of a source together: what is read for them is little."""
        everybody, *others = families(self.kinds, self.who)
        found = {"events": everybody}
        for family in others:
            name = f"of_{family.source}"
            together = found.setdefault(family.source, Family(name=name, source=family.source))
            for kind, reads in family.kinds.items():
                together.add(kind, reads)
        return list(found.values())

    @property
    def _whole(self) -> Groupings:
        return Groupings(kinds=self.kinds, cutoffs=self.cutoffs, clock=self.clock, who=self.who)

    def joined(self, parts: Mapping[str, Table], dialect: str) -> tuple[str, dict[str, Any]]:
        """Return the query that moves the parts of each customer on, and its columns."""
        whole = (step for step in self._whole.steps() if step.role == "parts")
        before = columns_of({step.name: step.table for step in whole})
        old = {f"{OLD}{name}": of for name, of in before.items() if name not in _KEYS}
        moved = self._moved(ibis.table(columns_of(parts) | old, name="changes"))
        state = ibis.table({c.CUSTOMER_ID: "string", **old}, name=STATE)
        changes = join(CUSTOMERS, {STATE: state, **parts}, self.keys, dialect)
        return within("changes", changes, dialect) + printed(moved, dialect), dict(
            moved.schema().items()
        )

    def _moved(self, changes: Table) -> Table:
        days = (self.cutoffs[0] - self.since_us) / DAY_US
        found: dict[str, Any] = {}
        for number, (kind, reads) in enumerate(self.kinds.items()):
            old, came = (parts_of(changes, number, mark) for mark in (OLD, ""))
            found |= named(number, kind.advance(Move(old=old, came=came, days=days), reads))
        return changes.select(c.CUSTOMER_ID, **found)

    def _flat(self, family: Family) -> Iterator[Step]:
        """Group what came, and what has left each window, by customer."""
        rows = self.rows(family.source, family.events, None)
        times, spans = rows.table.ts_us, windows(family.kinds)
        tiles = {_CAME: times >= self.since_us}
        for days in spans:
            start, end = (at - at % DAY_US - days * DAY_US for at in (self.since_us, rows.at))
            tiles[days] = (times >= start) & (times < end)
        table = rows.table.filter(reduce(or_, tiles.values()))
        table = table.mutate(tile=ibis.cases(*((where, tile) for tile, where in tiles.items())))
        rows = replace(rows, table=table)
        parts = {kind: named(self.number(kind), kind.tile(rows)) for kind in family.kinds}
        everything = {name: part for found in parts.values() for name, part in found.items()}
        tall = grouped(table, [c.CUSTOMER_ID, "tile"], everything)
        wide = {name: tall[name].max(where=tall.tile == _CAME) for name in everything}
        for kind, reads in family.kinds.items():
            for days in windows({kind: reads}):
                for name in parts[kind]:
                    wide[left(name, days)] = tall[name].max(where=tall.tile == days)
        yield Step(family.name, grouped(tall, [c.CUSTOMER_ID], wide), "parts")

    @property
    def has_numbers(self) -> bool:
        """Say whether customers have numbers: here all have, as no other step has all."""
        return True

    def _everybody(self) -> Table:
        """Return the ids of who had a row before, and of who came."""
        return ids_in(STATE).union(super(Advance, self)._everybody(), distinct=True)

    def _keyed(self, things: Things) -> Iterator[Step]:
        """Find the pairs of what came, which are kept, and rank them with the old ones."""
        keys, name = (CUSTOMER,), things.name
        rows = things.weighed(self._since(self._rows_of(things)))
        came = Step(KEPT + name, things.came(rows), "shared")
        old = ibis.table({**came.table.schema(), "end_us": "int64"}, name=OLD + came.name)
        moved = Step(f"{name}_rows", things.moved(came.read, old, self.cutoffs[0]), "shared")
        numbered = Step(name, things.numbered(moved.read), "shared")
        both = moved.read.join(CUSTOMER_NUMBERS, c.CUSTOMER_ID)
        both = both.select(*both.columns)  # Ibis joins no joins
        pairs = Step(f"{name}_pairs", things.paired(both, numbered.read, keys), "shared")
        yield from (came, moved, numbered, pairs)
        yield from self._ranked(things, numbered.read, pairs.read)

    def counted(self, source: Source, kind: Kind, reads: Sequence[Read]) -> Rows:
        """Return what has happened since; of a brief kind, its window."""
        rows = super(Advance, self).counted(source, kind, reads)
        if isinstance(kind, Brief):
            return rows
        return self._since(rows)

    def _since(self, rows: Rows) -> Rows:
        return replace(rows, table=rows.table.filter(rows.table.ts_us >= self.since_us))


def longest_days(kinds: Reads) -> int:
    """Return how many days parts can be moved on at once.

    What leaves a window must not have come since, nor leave two windows at once.
    """
    apart = [later - one for one, later in pairwise([0, *windows(kinds)])]
    return min(apart, default=_MOST_DAYS + 1) - 1
