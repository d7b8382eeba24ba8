"""Rhythm: the gaps between events.

Order matters here. A part keeps its last `TAIL` times one by one, where a late event finds its
place; what is older is only summed up. An event later than that marks the part `stale`: its owner
has to replay the customer's events, and `features.stream` says so.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import ibis
from ibis import Table

from core.clock import DAY_US
from features.columns import whole
from features.formula import Column, Formula, Read
from features.kinds.kind import Fold, Move, Part, Reader, Rows, Tabled
from features.shop import Shop

TAIL: Final = 32
_SECOND_US: Final = 1_000_000
_DAY_S: Final = 86_400.0
# Places in the part of gaps: flag, first time, then sums over gaps up to the last one summed up.
_STALE, _FIRST, _CLOSED, _GAPS, _SUM, _SQUARES, _LONGEST, _TIMES = range(8)


@dataclass(frozen=True, slots=True)
class Gaps(Tabled):
    """The time between successive events: mean, deviation, longest and last, in days.

    Squares are of whole seconds, so that they add up exactly: a span's square holds their sum.
    """

    in_order: ClassVar[bool] = True

    events: tuple[str, ...]

    @property
    def mean(self) -> Read:
        """Mean gap; null below two events."""
        return Read(self, "mean")

    @property
    def deviation(self) -> Formula:
        """Sample standard deviation of the gaps; null below three events."""
        number, total = Read(self, "number"), Read(self, "total")
        variance = (Read(self, "squares") - total * total / number) / (number - 1.0)
        return variance.root / _DAY_S

    @property
    def longest(self) -> Read:
        """Longest gap; null below two events."""
        return Read(self, "longest")

    @property
    def latest(self) -> Read:
        """The gap before the last event; null below two events."""
        return Read(self, "latest")

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Look back from each event to the one before it."""
        rows = events.only(self.events).select(*events.keys, "ts_us")
        before = rows.ts_us.lag().over(ibis.window(group_by=events.keys, order_by="ts_us"))
        rows = rows.mutate(before=before).mutate(gap=lambda row: row.ts_us - row.before)
        rows = rows.mutate(seconds=whole(rows.gap, _SECOND_US))
        return rows.group_by(events.keys).agg(
            first_us=rows.ts_us.min(),
            number=rows.gap.count(),
            total_us=rows.gap.sum(),
            total=rows.seconds.sum(),
            squares=(rows.seconds * rows.seconds).sum(),
            longest=rows.gap.max(),
            latest=rows.ts_us.max() - rows.before.max(),
            last_us=rows.ts_us.max(),
        )

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Add what came, and the gap between."""
        old, came = move.old, move.came
        gap = came["first_us"] - old["last_us"]
        seconds = whole(gap, _SECOND_US)
        between = {
            "number": ibis.ifelse(gap.notnull(), 1, 0),
            "total_us": gap,
            "total": seconds,
            "squares": seconds * seconds,
        }
        sums = {
            name: old[name].fill_null(0) + came[name].fill_null(0) + one.fill_null(0)
            for name, one in between.items()
        }
        return {
            **sums,
            "first_us": old["first_us"].fill_null(came["first_us"]),
            "longest": ibis.greatest(old["longest"], came["longest"], gap),
            "latest": ibis.coalesce(came["latest"], gap, old["latest"]),
            "last_us": came["last_us"].fill_null(old["last_us"]),
        }

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:  # gaps stay
        """Return a figure of the gaps."""
        number = parts["number"].cast("float64").nullif(0.0)
        match read.what:
            case "mean":
                return parts["total_us"].cast("float64") / number / float(DAY_US)
            case "number":
                return number
            case "longest" | "latest":
                return parts[read.what] / float(DAY_US)
        return parts[read.what].cast("float64")

    def init(self) -> Part:
        """Return no gaps."""
        return [False, None, None, 0, 0, 0, 0, []]

    def folder(self, shop: Shop) -> Fold:  # times are the same everywhere
        """Return the function that finds an event its place."""
        return lambda part, row: _add_time(part, row.ts_us)

    def merge(self, part: Part, other: Part) -> None:
        """Put the other's times between these, where neither has summed them up."""
        if part[_CLOSED] is not None and other[_CLOSED] is not None:
            part[_STALE] = True
            return
        if other[_CLOSED] is not None:
            part[:], other = [*other[:_TIMES], list(other[_TIMES])], list(part)
        part[_STALE] = part[_STALE] or other[_STALE]
        for ts_us in other[_TIMES]:
            _add_time(part, ts_us)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the sums, with those over the times still kept."""
        wanted = [_GAP_READS.index(read.what) for read in reads]
        nothing = [None] * len(wanted)

        def read(part: Part, at: int) -> list[Any]:  # gaps do not age
            times = part[_TIMES]
            number, total, squares, longest = part[_GAPS : _LONGEST + 1]
            before = part[_CLOSED]
            for ts_us in times:
                if before is not None:
                    gap = ts_us - before
                    seconds = gap // _SECOND_US
                    number, total, squares = number + 1, total + seconds, squares + seconds**2
                    longest = max(longest, gap)
                before = ts_us
            if not number:
                return nothing
            latest = times[-1] - (times[-2] if len(times) > 1 else part[_CLOSED])
            found = (
                (times[-1] - part[_FIRST]) / float(number) / DAY_US,
                float(number),
                float(total),
                float(squares),
                longest / DAY_US,
                latest / DAY_US,
            )
            return [found[place] for place in wanted]

        return read


_GAP_READS: Final = ("mean", "number", "total", "squares", "longest", "latest")


def _add_time(part: Part, ts_us: int) -> None:
    if part[_CLOSED] is not None and ts_us < part[_CLOSED]:
        part[_STALE] = True
        return
    times = part[_TIMES]
    if not times or ts_us >= times[-1]:
        times.append(ts_us)
    else:
        insort(times, ts_us)
    if part[_CLOSED] is None:
        part[_FIRST] = times[0]
    if len(times) > TAIL:
        oldest, before = times.pop(0), part[_CLOSED]
        if before is not None:
            gap = oldest - before
            seconds = gap // _SECOND_US
            part[_GAPS] += 1
            part[_SUM] += seconds
            part[_SQUARES] += seconds * seconds
            part[_LONGEST] = max(part[_LONGEST], gap)
        part[_CLOSED] = oldest
