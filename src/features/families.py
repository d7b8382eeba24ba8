"""Which reads of flat kinds share a grouping.

A grouping costs a hash table of all customers, the more the wider its rows are, and each sum looks
at every row that is read. So reads share one by how far back they look, and those over all time of
the same events have their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from features.columns import Source
from features.formula import Read
from features.kinds.kind import Flat
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED

Who = Literal["bought", "seen"]
Reads = Mapping[Any, Sequence[Read]]  # by kind
EVERYBODY: Final = "everybody"  # the step with a row for each customer who has one
_ORDERS: Final = (ORDER_COMPLETED,)
_LATELY: Final = 90  # days: what looks back no further reads a fraction of the events
_OWN: Final = 2  # so many reads over all time of the same events are a grouping of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Flat kinds that are one grouping of a source, each with those of its reads that it makes.

    It is of what its kinds count, but that of everybody is of all that gives a customer a row.
    """

    name: str
    source: Source
    who: Who | None = None  # of everybody
    kinds: dict[Flat, list[Read]] = field(default_factory=dict)

    @property
    def events(self) -> tuple[str, ...] | None:
        """Names of the events it reads, None: whatever is a sign of life."""
        if self.who is not None:
            return _ORDERS if self.who == "bought" else None
        counted = {event for kind in self.kinds for event in kind.events}
        return tuple(event for event in EVENT_NAMES if event in counted)

    @property
    def reach(self) -> int | None:
        """How many days back any of them looks, None: over all of them."""
        return reach(self.kinds) if self.who is None else None

    def add(self, kind: Flat, reads: Iterable[Read]) -> None:
        """Make these reads of a kind, too."""
        self.kinds.setdefault(kind, []).extend(reads)


def families(kinds: Reads, who: Who) -> list[Family]:
    """Return the groupings of flat kinds; the first has a row for everybody."""
    found = {EVERYBODY: Family(name=EVERYBODY, source="events", who=who)}
    for (source, events), same in _of_same_events(kinds).items():
        reads = [(kind, read) for kind in same for read in kinds[kind]]
        ever = sum(kind.reach(read) is None for kind, read in reads)
        for kind, read in reads:
            if source == "events" and events == (_ORDERS if who == "bought" else EVENT_NAMES):
                name = EVERYBODY
            elif source == "items" or ever >= _OWN:
                name = f"of_{source}_{[*kinds].index(same[0])}"
            else:
                name = _span(kind.reach(read), who)
            found.setdefault(name, Family(name=name, source=source)).add(kind, [read])
    return list(found.values())


def _of_same_events(kinds: Reads) -> dict[tuple[Source, tuple[str, ...]], list[Flat]]:
    found: dict[tuple[Source, tuple[str, ...]], list[Flat]] = {}
    for kind in kinds:
        if isinstance(kind, Flat):
            found.setdefault((kind.source, kind.events), []).append(kind)
    return found


def _span(days: int | None, who: Who) -> str:
    """Name the grouping of reads that look so many days back."""
    if days is None:
        return EVERYBODY if who == "seen" else "ever"
    return "lately" if days <= _LATELY else "this_year"


def windows(kinds: Reads) -> list[int]:
    """Return the days of the windows of flat kinds, each once, the shortest first."""
    found = (kind.reach(read) for kind in kinds if isinstance(kind, Flat) for read in kinds[kind])
    return sorted({days for days in found if days})


def reach(kinds: Reads) -> int | None:
    """Return how many days back any read of any kind looks, None: over all of them."""
    days = [kind.reach(read) for kind, reads in kinds.items() for read in reads]
    return None if None in days else max((day for day in days if day is not None), default=None)
