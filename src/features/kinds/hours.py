"""The hour at which somebody does things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.clock import DAY_US
from features.formula import Column, Read
from features.kinds.decayed import advanced, checked_half_life, faded, fading, grown, is_far, merged
from features.kinds.kind import SMALL, Flat, Fold, Move, Part, Reader, Rows, Tiles, only
from features.measures import COSINE, SINE
from features.row import Row
from features.shop import Shop


@dataclass(frozen=True, slots=True)
class HourOfDay(Flat):
    """The circular mean of the hour at which events happen, on the shop's clock, fading with age.

    The hour is null where the directions cancel out or there is nothing. `strength`, 0 to 1, is
    the length of the mean vector: 1 where it is always the same hour.

    Source:
        Mardia and Jupp, Directional Statistics, 2000, section 2.2.
    """

    events: tuple[str, ...]
    half_life_days: float

    def __post_init__(self) -> None:
        checked_half_life(self.half_life_days)

    @property
    def sine(self) -> Read:
        """The mean sine of the hour's angle."""
        return Read(self, "sine")

    @property
    def cosine(self) -> Read:
        """The mean cosine of the hour's angle."""
        return Read(self, "cosine")

    def parts(self, rows: Rows, reads: Sequence[Read]) -> dict[str, Column]:  # all are needed
        """Return faded sums of sines and cosines, and the faded number of events."""
        return self.tile(rows)

    def tile(self, rows: Rows) -> dict[str, Column]:
        """Return faded sums of sines, of cosines, and the faded number of events."""
        where, left = rows.where(self.events), fading(rows, self.half_life_days)
        sine, cosine = (side.column(rows.table, rows.clock) for side in (SINE, COSINE))
        faded = {"number": left, "sine": left * sine, "cosine": left * cosine}
        return {name: only(where, value.cast(SMALL)).sum() for name, value in faded.items()}

    def gather(
        self, tiles: Tiles, tile: Mapping[str, Column], reads: Sequence[Read]
    ) -> dict[str, Column]:
        """Let each tile's sums fade from its end to the cut-off, and add up."""
        return {name: faded(tiles, part, self.half_life_days) for name, part in tile.items()}

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:  # all are needed
        """Let the sums fade, and add what came."""
        return advanced(move, self.half_life_days)

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:
        """Return a side of the mean vector, which does not fade."""
        number = parts["number"].cast("float64").nullif(0.0)
        return parts[read.what].cast("float64") / number

    def init(self) -> Part:
        """Return a landmark that the first event sets, and no weight in any direction."""
        return [None, 0.0, 0.0, 0.0]

    def folder(self, shop: Shop) -> Fold:
        """Return the function that adds a direction."""
        sine, cosine = SINE.python(shop), COSINE.python(shop)
        unit = self.half_life_days * DAY_US

        def fold(part: Part, row: Row) -> None:
            if part[0] is None:
                part[0] = row.ts_us
            elif is_far(part, row.ts_us, unit):
                shrink = grown(part, row.ts_us, unit)
                part[:] = [row.ts_us, *(value / shrink for value in part[1:])]
            weight = grown(part, row.ts_us, unit)
            part[1] += weight
            part[2] += weight * sine(row)
            part[3] += weight * cosine(row)

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Add the other's vector, as of the later landmark."""
        merged(part, other, self.half_life_days)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return sides of the mean vector, which does not fade."""
        sides = [2 if read.what == "sine" else 3 for read in reads]
        nothing = [None] * len(sides)
        return lambda part, at: [part[side] / part[1] for side in sides] if part[1] else nothing
