"""Counts and sums: of all time, and in windows of days."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from core.clock import DAY_US
from core.errors import ConfigError
from features.formula import Column, Read
from features.kinds.kind import EXACT, Flat, Fold, Move, Part, Reader, Rows, Tiles, left, only
from features.measures import Measure
from features.row import Row
from features.shop import Shop

LONGEST_DAYS: Final = 365  # no window is longer: what a part keeps by day is bounded
_SLACK: Final = 64  # days kept beyond, so that old ones go seldom


@dataclass(frozen=True, slots=True)
class Tally(Flat):
    """The sum of a measure over events.

    A window of N days begins at the midnight (UTC) N days before that of the cut-off, which is
    what makes buckets of a day enough. The part has the days with something in them, and for
    each the sum up to its end, so that a window is one difference.
    """

    measure: Measure
    events: tuple[str, ...]

    @property
    def source(self) -> Literal["events", "items"]:  # type: ignore[override]  # the measure's own
        """Where the measure is."""
        return self.measure.source

    @property
    def total(self) -> Read:
        """The sum of all time."""
        return Read(self, "total", nullable=False)

    def last(self, days: int) -> Read:
        """Return the sum over the last `days`.

        Raises:
            ConfigError: These are fewer than one, or more than a state keeps.
        """
        if not 1 <= days <= LONGEST_DAYS:
            raise ConfigError(f"a window is 1 to {LONGEST_DAYS} days, not {days}.")
        return Read(self, "window", days, nullable=False)

    def reach(self, read: Read) -> int | None:
        """Return the days of a window, None for all time."""
        return read.argument

    def parts(self, rows: Rows, reads: Sequence[Read]) -> dict[str, Column]:
        """Return sums under a condition."""
        found = {}
        for read in reads:
            where = rows.where(self.events)
            if read.argument is not None:
                recent = rows.table.ts_us >= rows.since(read.argument)
                where = recent if where is None else where & recent
            found[read.part] = self._sum(rows, where)
        return found

    def _sum(self, rows: Rows, where: Column) -> Column:
        if self.measure.kind == "one":
            return rows.table.count(where=where)
        amount = self.measure.column(rows.table, rows.clock)
        if self.measure.kind == "float":
            amount = amount.cast(EXACT)
        return only(where, amount).sum() if self.measure.costly else amount.sum(where=where)

    def tile(self, rows: Rows) -> dict[str, Column]:
        """Return the sum."""
        return {"sum": self._sum(rows, rows.where(self.events))}

    def gather(
        self, tiles: Tiles, tile: Mapping[str, Column], reads: Sequence[Read]
    ) -> dict[str, Column]:
        """Add up the tiles of each window."""
        found = {}
        for read in reads:
            where = None if read.argument is None else tiles.since(read.argument)
            found[read.part] = tile["sum"].sum(where=where)
        return found

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Add what came, and take off what has left each window."""
        found = {}
        for read in reads:
            now = move.old[read.part].fill_null(0) + move.came["sum"].fill_null(0)
            if read.argument is not None:
                now -= move.came[left("sum", read.argument)].fill_null(0)
            found[read.part] = now
        return found

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:  # sums stay
        """Return a sum; of nothing it is 0."""
        return parts[read.part].cast("float64").fill_null(0.0)

    def init(self) -> Part:
        """Return no days, no sums, and 0 for the days forgotten."""
        return [[], [], 0]

    def folder(self, shop: Shop) -> Fold:
        """Return the function that adds a row to its day."""
        of = self.measure.python(shop)

        def fold(part: Part, row: Row) -> None:
            if amount := of(row):
                day = row.ts_us // DAY_US
                days, sums = part[0], part[1]
                if days and days[-1] == day:
                    sums[-1] += amount
                elif not days:
                    days.append(day)
                    sums.append(part[2] + amount)
                elif day > days[-1]:
                    days.append(day)
                    sums.append(sums[-1] + amount)
                    if len(days) > LONGEST_DAYS + _SLACK:
                        _forget(part)
                else:
                    _insert(part, day, amount)

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Add the other's days; those it has forgotten are behind every window."""
        before = other[2]
        _lift(part, before)
        for day, total in zip(other[0], other[1], strict=True):
            _insert(part, day, total - before)
            before = total
        _forget(part)

    def packed(self, part: Part) -> Part:
        """Return days and sums as what they grow by, which is a byte or two each."""
        days, sums, before = part
        return [
            [day - last for day, last in zip(days, [0, *days], strict=False)],
            [total - last for total, last in zip(sums, [before, *sums], strict=False)],
            before,
        ]

    def unpacked(self, stored: Part) -> Part:
        """Add up what days and sums grow by."""
        days, sums, before = stored
        return [[*accumulate(days)], [*accumulate(sums, initial=before)][1:], before]

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return differences of two sums."""
        windows = [read.argument for read in reads]

        def read(part: Part, at: int) -> list[float]:
            days, sums, before = part
            today, latest = at // DAY_US, float(sums[-1] if sums else before)
            found = []
            for window in windows:
                if window is None:
                    found.append(latest)
                elif not days or days[-1] < today - window:
                    found.append(0.0)
                elif start := bisect_left(days, today - window):
                    found.append(latest - sums[start - 1])
                else:
                    found.append(latest - before)
            return found

        return read


def _lift(part: Part, amount: int) -> None:
    part[1] = [total + amount for total in part[1]]
    part[2] += amount


def _insert(part: Part, day: int, amount: int) -> None:
    """Add an amount to a day that need not be the last."""
    days, sums, before = part
    place = bisect_left(days, day)
    if place == len(days) or days[place] != day:
        if place == 0 and days and day < days[-1] - LONGEST_DAYS:
            _lift(part, amount)
            return
        days.insert(place, day)
        sums.insert(place, sums[place - 1] if place else before)
    for later in range(place, len(sums)):
        sums[later] += amount


def _forget(part: Part) -> None:
    """Drop the days that no window of the last day or later reaches."""
    days, sums, _ = part
    if days and (start := bisect_left(days, days[-1] - LONGEST_DAYS)):
        part[2] = sums[start - 1]
        part[0], part[1] = days[start:], sums[start:]
