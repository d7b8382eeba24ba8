"""When something first and last happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.clock import DAY_US
from features.formula import Column, Read
from features.kinds.kind import Flat, Fold, Move, Part, Reader, Rows, Tiles
from features.row import Row
from features.shop import Shop


@dataclass(frozen=True, slots=True)
class Times(Flat):
    """First and last time of events, and the days since."""

    events: tuple[str, ...]

    @property
    def since_first(self) -> Read:
        """Days from the first such event to the cut-off."""
        return Read(self, "first")

    @property
    def since_last(self) -> Read:
        """Days from the last such event to the cut-off."""
        return Read(self, "last")

    def parts(self, rows: Rows, reads: Sequence[Read]) -> dict[str, Column]:
        """Return the ends that are read."""
        ends = self.tile(rows)
        return {read.part: ends[read.what] for read in reads}

    def tile(self, rows: Rows) -> dict[str, Column]:
        """Return the least and greatest time."""
        where, times = rows.where(self.events), rows.table.ts_us
        return {"first": times.min(where=where), "last": times.max(where=where)}

    def gather(
        self, tiles: Tiles, tile: Mapping[str, Column], reads: Sequence[Read]
    ) -> dict[str, Column]:
        """Return the ends of all tiles."""
        ends = {"first": tile["first"].min(), "last": tile["last"].max()}
        return {read.part: ends[read.what] for read in reads}

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Keep the first; what came is the last."""
        old, came = move.old, move.came
        return {
            read.part: old["first"].fill_null(came["first"])
            if read.what == "first"
            else came["last"].fill_null(old["last"])
            for read in reads
        }

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:
        """Return the age of an end."""
        return (at - parts[read.part]) / float(DAY_US)

    def init(self) -> Part:
        """Return no times."""
        return []

    def folder(self, shop: Shop) -> Fold:  # times are the same everywhere
        """Return the function that widens the span."""

        def fold(part: Part, row: Row) -> None:
            if not part:
                part += [row.ts_us, row.ts_us]
            elif row.ts_us > part[1]:
                part[1] = row.ts_us
            elif row.ts_us < part[0]:
                part[0] = row.ts_us

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Widen the span to hold both."""
        if other:
            span = (*part, *other)
            part[:] = [min(span), max(span)]

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return days since the ends of the span."""
        ends = [0 if read.what == "first" else 1 for read in reads]
        nothing = [None] * len(ends)
        return lambda part, at: [(at - part[end]) / DAY_US for end in ends] if part else nothing
