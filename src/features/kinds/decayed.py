"""Sums that fade with time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ibis

from core.clock import DAY_US
from core.errors import ConfigError
from features.formula import Column, Read
from features.kinds.kind import EXACT, Flat, Fold, Move, Part, Reader, Rows, Tiles, only
from features.measures import Measure
from features.row import Row
from features.shop import Shop

# Weights grow from a landmark on; past this many half-lives it moves, before floats overflow.
_FAR: Final = 500.0
_MOST: Final = 1_023.0  # half-lives that a float can count; what is as much older counts nothing
_HOURS: Final = 24.0


def checked_half_life(days: float) -> None:
    """Refuse a half-life that is not a positive number.

    Raises:
        ConfigError: It is not.
    """
    if not (math.isfinite(days) and days > 0):
        raise ConfigError(f"a half-life must be a positive number of days, got {days}.")


def fading(rows: Rows, half_life_days: float) -> Column:
    """Return a column: what is left of a weight of 1 at the cut-off."""
    age = (rows.at - rows.table.ts_us) / float(DAY_US)
    return ibis.literal(2.0, "float64") ** (-age / half_life_days)


def faded(tiles: Tiles, part: Column, half_life_days: float) -> Column:
    """Return the sum of a part over tiles, each faded from its end to the cut-off."""
    age = (tiles.at - tiles.table.end_us) / float(DAY_US)
    left = ibis.literal(2.0, "float64") ** (-age / half_life_days)
    return (part.cast("float64") * left).cast(EXACT).sum()


def advanced(move: Move, half_life_days: float) -> dict[str, Column]:
    """Let sums fade from one cut-off to the next, and add what came."""
    fade = 2.0 ** (-move.days / half_life_days)
    found = {}
    for name, part in move.old.items():
        # Where no time has passed they keep the digits that a double does not have.
        old = (part.cast("float64") * fade).cast(EXACT) if move.days else part
        found[name] = old.fill_null(0) + move.came[name].fill_null(0)
    return found


def grown(part: Part, ts_us: int, unit: float) -> float:
    """Return what a weight of 1 at an instant is worth at the landmark `part[0]`.

    The landmark is where the first event set it. Instants after it grow, and where they would
    grow out of what a float holds, the caller first moves it: `is_far`.
    """
    return float(2.0 ** min((ts_us - part[0]) / unit, _MOST))


def merged(part: Part, other: Part, half_life_days: float) -> None:
    """Add the sums of another part to those of `part`, as of the later of the two landmarks."""
    if other[0] is None:
        return
    if part[0] is None:
        part[:] = other
        return
    if other[0] > part[0]:
        part[:], other = other, list(part)
    shrink = grown(part, other[0], half_life_days * DAY_US)
    for place in range(1, len(part)):
        part[place] += other[place] * shrink


def is_far(part: Part, ts_us: int, unit: float) -> bool:
    """Say whether the landmark is to be moved before an instant is folded."""
    return bool((ts_us - part[0]) / unit > _FAR)


@dataclass(frozen=True, slots=True)
class Decayed(Flat):
    """The sum of a measure, each event counting half as much after every half-life.

    Source:
        Forward decay: Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009.
    """

    measure: Measure
    events: tuple[str, ...]
    half_life_days: float

    def __post_init__(self) -> None:
        checked_half_life(self.half_life_days)

    @property
    def now(self) -> Read:
        """The sum, in units of an event happening at the cut-off."""
        return Read(self, "now", nullable=False)

    def parts(self, rows: Rows, reads: Sequence[Read]) -> dict[str, Column]:  # there is one
        """Return an exact sum of faded weights."""
        return self.tile(rows)

    def tile(self, rows: Rows) -> dict[str, Column]:
        """Return the sum of faded weights."""
        faded = self.measure.column(rows.table, rows.clock) * fading(rows, self.half_life_days)
        return {"sum": only(rows.where(self.events), faded.cast(EXACT)).sum()}

    def gather(
        self, tiles: Tiles, tile: Mapping[str, Column], reads: Sequence[Read]
    ) -> dict[str, Column]:
        """Let each tile's sum fade from its end to the cut-off, and add up."""
        return {"sum": faded(tiles, tile["sum"], self.half_life_days)}

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:  # there is one
        """Let the sum fade, and add what came."""
        return advanced(move, self.half_life_days)

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:  # it has faded
        """Return the sum; of nothing it is 0."""
        return parts["sum"].cast("float64").fill_null(0.0)

    def init(self) -> Part:
        """Return a landmark that the first event sets, and nothing."""
        return [None, 0.0]

    def folder(self, shop: Shop) -> Fold:
        """Return the function that adds a weight, as of the landmark."""
        of, unit = self.measure.python(shop), self.half_life_days * DAY_US

        def fold(part: Part, row: Row) -> None:
            if amount := of(row):
                if part[0] is None:
                    part[0] = row.ts_us
                elif is_far(part, row.ts_us, unit):
                    part[:] = [row.ts_us, part[1] / grown(part, row.ts_us, unit)]
                part[1] += amount * grown(part, row.ts_us, unit)

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Add the other's sum, as of the later landmark."""
        merged(part, other, self.half_life_days)

    def reader(self, reads: Sequence[Read]) -> Reader:  # there is one
        """Return the sum, as of the instant."""
        unit = self.half_life_days * DAY_US
        return lambda part, at: (
            (0.0,) if part[0] is None else (part[1] * 2.0 ** ((part[0] - at) / unit),)
        )
