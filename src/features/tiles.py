"""Tiles of time: what many cut-offs share is added up once.

Time is cut at every cut-off and at every instant where one of their windows begins. Rows are first
grouped by customer and tile; a cut-off is then the sum of the tiles before it, a window that of
some of them. A tile's faded sums are as of its end, and fade on from there.

Source:
    The tiles of Chronon (docs/source/Tiled_Architecture.md), cut where the cut-offs need it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US
from features.formula import Column, Read
from features.kinds.kind import Flat, Rows, Tiles, named, parts_of

_TILES: Final = ibis.table({"tile": "int64", "end_us": "int64"}, name="tiles")
_SPANS: Final = ibis.table(
    {"tile": "int64", "start_us": "int64", "end_us": "int64", c.CUTOFF_US: "int64"}, name="spans"
)
_BEGINNING: Final = -(2**62)  # before all events


@dataclass(frozen=True, slots=True)
class Cut:
    """Where time is cut for some cut-offs: a tile ends at each of `ends`."""

    cutoffs: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def at(cls, cutoffs: Sequence[int], reads: Iterable[Read]) -> Cut:
        """Cut at the cut-offs, and where the windows of reads begin."""
        days = {read.kind.reach(read) or 0 for read in reads if isinstance(read.kind, Flat)} - {0}
        starts = {cutoff - cutoff % DAY_US - each * DAY_US for cutoff in cutoffs for each in days}
        return cls(tuple(cutoffs), tuple(sorted({*cutoffs, *starts})))

    def steps(self) -> dict[str, str]:
        """Return the cut-offs, the tiles, and the tiles before each cut-off, as SQL of numbers."""
        starts = (_BEGINNING, *self.ends)
        tiles = [f"({tile}, {end})" for tile, end in enumerate(self.ends)]
        spans = [
            f"({tile}, {starts[tile]}, {self.ends[tile]}, {cutoff})"
            for cutoff in self.cutoffs
            for tile in range(bisect_left(self.ends, cutoff) + 1)
        ]
        return {
            "cutoffs": _values([f"({cutoff})" for cutoff in self.cutoffs], "cutoff_us"),
            "tiles": _values(tiles, "tile, end_us"),
            "spans": _values(spans, "tile, start_us, end_us, cutoff_us"),
        }

    def tile(self, times: Column) -> Column:
        """Return the tile of each instant before the last cut-off."""
        return self._between(times, 0, len(self.ends) - 1)

    def _between(self, times: Column, first: int, last: int) -> Column:
        if first == last:
            return ibis.literal(first, "int64")
        middle = (first + last) // 2
        earlier, later = self._between(times, first, middle), self._between(times, middle + 1, last)
        return ibis.ifelse(times < self.ends[middle], earlier, later)


def _values(rows: Sequence[str], columns: str) -> str:
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS t ({columns})"  # noqa: S608  # numbers


def grouped(table: Table, keys: Sequence[str], found: Mapping[str, Column]) -> Table:
    """Group a table; without aggregates it says which keys there are."""
    return table.group_by([*keys]).agg(**found) if found else table.select(*keys).distinct()


def in_tiles(rows: Rows, kinds: Mapping[int, Flat], cut: Cut) -> Table:
    """Group rows by customer and tile, with the parts of every kind."""
    table = rows.table.mutate(tile=cut.tile(rows.table.ts_us)).join(_TILES, "tile")
    rows = replace(rows, table=table, at=table.end_us)
    found: dict[str, Column] = {}
    for number, kind in kinds.items():
        found |= named(number, kind.tile(rows))
    return grouped(table, [c.CUSTOMER_ID, "tile"], found)


def over_tiles(tiled: Table, kinds: Mapping[int, tuple[Flat, Sequence[Read]]]) -> Table:
    """Put together, for each cut-off and customer, the tiles before it."""
    table = tiled.join(_SPANS, "tile")
    tiles = Tiles(table=table, at=table[c.CUTOFF_US])
    found: dict[str, Column] = {}
    for number, (kind, reads) in kinds.items():
        parts = parts_of(table, number)
        found |= named(number, kind.gather(tiles, parts, reads))
    return grouped(table, [c.CUTOFF_US, c.CUSTOMER_ID], found)
