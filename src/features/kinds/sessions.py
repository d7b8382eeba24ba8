"""Sessions: the visits that events come in.

Order matters here. A part keeps its last `TAIL` sessions one by one, where a late event finds its
place; what is older is only summed up. An event later than that marks the part `stale`: its owner
has to replay the customer's events, and `features.stream` says so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import ibis
from ibis import Table

from features.formula import Column, Read
from features.kinds.kind import Fold, Move, Part, Reader, Rows, Tabled
from features.row import Row
from features.shop import Shop

TAIL: Final = 32
SESSION_GAP_US: Final = 30 * 60_000_000
_MINUTE_US: Final = 60_000_000.0


@dataclass(frozen=True, slots=True)
class Sessions(Tabled):
    """Sessions: runs of events with no more than half an hour between two of them.

    A session is one minute longer than from its first to its last event, so that a single event
    has a length and a velocity (events a minute) too.
    """

    in_order: ClassVar[bool] = True

    events: tuple[str, ...]

    @property
    def number(self) -> Read:
        """How many sessions."""
        return Read(self, "number", nullable=False)

    @property
    def minutes(self) -> Read:
        """Length of all of them."""
        return Read(self, "minutes", nullable=False)

    @property
    def happened(self) -> Read:
        """Events in all of them."""
        return Read(self, "happened", nullable=False)

    @property
    def last_minutes(self) -> Read:
        """Length of the last one."""
        return Read(self, "last_minutes")

    @property
    def last_happened(self) -> Read:
        """Events in the last one."""
        return Read(self, "last_happened")

    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Begin a session where the event before is too long ago, in one pass in order of time."""
        rows = events.only(self.events).select(*events.keys, "ts_us")
        in_order = ibis.window(group_by=events.keys, order_by="ts_us")
        rows = rows.mutate(
            gap=rows.ts_us - rows.ts_us.lag().over(in_order),
            nth=ibis.row_number().over(in_order),
        )
        begins = rows.gap.isnull() | (rows.gap > SESSION_GAP_US)
        found = {
            "first_us": rows.ts_us.min(),
            "number": begins.sum(),
            "inside": rows.gap.sum(where=rows.gap <= SESSION_GAP_US).fill_null(0),
            "happened": rows.count(),
            "last_us": rows.ts_us.max(),
        }
        if {read.what for read in reads} & {"last_minutes", "last_happened"}:
            found["begun"] = rows.nth.max(where=begins)
            found["begun_us"] = rows.ts_us.max(where=begins)
        return rows.group_by(events.keys).agg(**found)

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Add what came; its first session may go on with the last of before."""
        old, came = move.old, move.came
        gap = came["first_us"] - old["last_us"]
        goes_on = (gap <= SESSION_GAP_US).fill_null(False)  # noqa: FBT003  # Ibis' own
        sums = {
            name: old[name].fill_null(0) + came[name].fill_null(0) + one
            for name, one in {
                "number": ibis.ifelse(goes_on, -1, 0),
                "inside": ibis.ifelse(goes_on, gap, 0),
                "happened": 0,
            }.items()
        }
        is_old = came["number"].isnull() | (goes_on & (came["number"] == 1))
        found = {
            **sums,
            "first_us": old["first_us"].fill_null(came["first_us"]),
            "last_us": came["last_us"].fill_null(old["last_us"]),
        }
        if "begun" in old:
            begun = came["begun"] + old["happened"].fill_null(0)
            found["begun"] = ibis.ifelse(is_old, old["begun"], begun)
            found["begun_us"] = ibis.ifelse(is_old, old["begun_us"], came["begun_us"])
        return found

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:  # sessions stay
        """Return a figure of the sessions."""
        number, happened = parts["number"].cast("float64"), parts["happened"].cast("float64")
        match read.what:
            case "number":
                return number
            case "happened":
                return happened
            case "minutes":
                return parts["inside"].cast("float64") / _MINUTE_US + number
            case "last_happened":
                return happened - parts["begun"].cast("float64")
        return (parts["last_us"] - parts["begun_us"]).cast("float64") / _MINUTE_US + 1.0

    def init(self) -> Part:
        """Return no sessions: flag, last instant summed up, sums, and the last sessions."""
        return [False, None, 0, 0, 0, []]

    def folder(self, shop: Shop) -> Fold:  # times are the same everywhere
        """Return the function that finds an event its session."""

        def fold(part: Part, row: Row) -> None:
            ts_us, sessions = row.ts_us, part[5]
            if sessions and sessions[-1][0] <= ts_us:
                last = sessions[-1]
                if ts_us <= last[1]:
                    last[2] += 1
                elif ts_us - last[1] <= SESSION_GAP_US:
                    last[1] = ts_us
                    last[2] += 1
                else:
                    sessions.append([ts_us, ts_us, 1])
                    if len(sessions) > TAIL:
                        _close(part)
            else:
                _add_session(part, [ts_us, ts_us, 1])

        return fold

    def merge(self, part: Part, other: Part) -> None:
        """Put the other's sessions between these, where neither has summed them up."""
        if part[1] is not None and other[1] is not None:
            part[0] = True
            return
        if other[1] is not None:
            part[:], other = [*other[:5], _copies(other[5])], list(part)
        part[0] = part[0] or other[0]
        for session in _copies(other[5]):
            _add_session(part, session)

    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the sums, with those over the sessions still kept."""
        wanted = [_SESSION_READS.index(read.what) for read in reads]
        nothing = [None if read.nullable else 0.0 for read in reads]

        def read(part: Part, at: int) -> list[Any]:  # sessions do not age
            number, inside, total, sessions = part[2:]
            if not sessions:
                return nothing
            for start, end, happened in sessions:
                inside += end - start
                total += happened
            number = float(number + len(sessions))
            start, end, happened = sessions[-1]
            found = (
                number,
                inside / _MINUTE_US + number,
                float(total),
                (end - start) / _MINUTE_US + 1.0,
                float(happened),
            )
            return [found[place] for place in wanted]

        return read


_SESSION_READS: Final = ("number", "minutes", "happened", "last_minutes", "last_happened")


def _add_session(part: Part, session: list[int]) -> None:
    """Put a session among those kept, joined with what it touches."""
    if part[1] is not None and session[0] - part[1] <= SESSION_GAP_US:
        part[0] = True
        return
    sessions = part[5]
    place = bisect_left(sessions, session)
    sessions.insert(place, session)
    first = place - 1 if place and _touch(sessions[place - 1], session) else place
    end = first + 1
    while end < len(sessions) and (end <= place or _touch(sessions[first], sessions[end])):
        one, other = sessions[first], sessions[end]
        one[1], one[2] = max(one[1], other[1]), one[2] + other[2]
        end += 1
    del sessions[first + 1 : end]
    if len(sessions) > TAIL:
        _close(part)


def _touch(one: Sequence[int], later: Sequence[int]) -> bool:
    return later[0] - one[1] <= SESSION_GAP_US


def _close(part: Part) -> None:
    start, end, happened = part[5].pop(0)
    part[1] = end
    part[2] += 1
    part[3] += end - start
    part[4] += happened


def _copies(sessions: Iterable[Sequence[int]]) -> list[list[int]]:
    return [list(session) for session in sessions]
