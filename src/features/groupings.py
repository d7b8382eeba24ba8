"""What kinds are made of, grouped by customer: the first steps of a batch.

Flat kinds over the same events share a grouping, and a grouping reads those events only. One
grouping of everything would be one pass, but of states so wide that no cache holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US
from features.columns import Clock, Source
from features.dialects import quoted
from features.formula import Read
from features.kinds.kind import Flat, Keyed, Kind, Rows, Tabled, named
from features.row import Happening, Line
from features.tiles import Cut, grouped, in_tiles, over_tiles
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED, TABLES

Who = Literal["bought", "seen"]
Reads = Mapping[Any, Sequence[Read]]  # by kind
EVERYBODY: Final = "everybody"  # the step with a row for each customer who has one
_SOURCES: Final[tuple[Source, ...]] = ("events", "items")
_CODES: Final = {event: code for code, event in enumerate(EVENT_NAMES, start=1)}
_CUTOFFS: Final = ibis.table({c.CUTOFF_US: "int64"}, name="cutoffs")
# What measures and keys read of the contract's tables.
_USED: Final[dict[Source, tuple[str, ...]]] = {
    "events": tuple(Happening.__dataclass_fields__)[:-1],
    "items": tuple(Line.__dataclass_fields__),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Flat kinds over the same events of a source; `events` None: whatever is a sign of life."""

    name: str
    source: Source
    events: tuple[str, ...] | None
    kinds: dict[Flat, Sequence[Read]] = field(default_factory=dict)

    @property
    def reach(self) -> int | None:
        """How many days back any of them looks, None: over all of them."""
        return reach(self.kinds) if self.name != EVERYBODY else None


def families(kinds: Reads, who: Who) -> list[Family]:
    """Return the groupings of flat kinds; the first has a row for everybody."""
    spine: tuple[str, ...] | None = (ORDER_COMPLETED,) if who == "bought" else None
    everybody = Family(name=EVERYBODY, source="events", events=spine)
    found: dict[tuple[Source, tuple[str, ...] | None], Family] = {("events", spine): everybody}
    for kind, reads in kinds.items():
        if isinstance(kind, Flat):
            everything = spine is None and {*kind.events} == {*EVENT_NAMES}
            events = None if everything and kind.source == "events" else kind.events
            name = f"of_{kind.source}_{len(found)}"
            family = Family(name=name, source=kind.source, events=events)
            found.setdefault((kind.source, events), family).kinds[kind] = reads
    return list(found.values())


def windows(kinds: Reads) -> list[int]:
    """Return the days of the windows of flat kinds, each once, the shortest first."""
    found = (kind.reach(read) for kind in kinds if isinstance(kind, Flat) for read in kinds[kind])
    return sorted({days for days in found if days})


def reach(kinds: Reads) -> int | None:
    """Return how many days back any read of any kind looks, None: over all of them."""
    days = [kind.reach(read) for kind, reads in kinds.items() for read in reads]
    return None if None in days else max((day for day in days if day is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groupings:
    """The steps that make the parts of `kinds`, as of each of some cut-offs.

    The columns of a part are named after the kind's number and the part: `k3_total`.
    """

    kinds: Reads
    cutoffs: tuple[int, ...]
    clock: Clock
    who: Who

    @property
    def at_us(self) -> int | None:
        """The cut-off where there is only one: a number makes a simpler query than a column."""
        return self.cutoffs[0] if len(self.cutoffs) == 1 else None

    @property
    def cut(self) -> Cut:
        """Where time is cut for these cut-offs and the windows of these kinds."""
        return Cut.at(self.cutoffs, (read for reads in self.kinds.values() for read in reads))

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a row."""
        return (c.CUSTOMER_ID,) if self.at_us is not None else (c.CUTOFF_US, c.CUSTOMER_ID)

    def steps(self) -> Iterator[tuple[str, Table, bool]]:
        """Yield name and table of each step, and whether it has the parts of customers.

        One without them is read by the next step only.
        """
        for family in families(self.kinds, self.who):
            yield from self._flat(family)
        for number, (kind, reads) in enumerate(self.kinds.items()):
            if not isinstance(kind, Flat):
                yield from self._others(number, kind, reads)

    def joined(self, parts: Mapping[str, Table], dialect: str) -> tuple[str, dict[str, Any]]:
        """Return the query that joins the parts of each customer, and its columns."""
        return join(EVERYBODY, parts, self.keys, dialect), columns_of(parts)

    def number(self, kind: Kind) -> int:
        """Return the number of a kind, which its columns begin with."""
        return [*self.kinds].index(kind)

    def _flat(self, family: Family) -> Iterator[tuple[str, Table, bool]]:
        """Group rows by customer, by way of tiles for several cut-offs."""
        rows = self.rows(family.source, family.events, family.reach)
        numbered = {self.number(kind): kind for kind in family.kinds}
        if self.at_us is None:
            name = f"tiled_{family.name}"
            tiled = in_tiles(rows, numbered, self.cut)
            yield name, tiled, False
            kinds = {number: (kind, family.kinds[kind]) for number, kind in numbered.items()}
            yield family.name, over_tiles(ibis.table(tiled.schema(), name=name), kinds), True
            return
        found: dict[str, Any] = {}
        for number, kind in numbered.items():
            found |= named(number, kind.parts(rows, family.kinds[kind]))
        yield family.name, grouped(rows.table, self.keys, found), True

    def _others(
        self, number: int, kind: Kind, reads: Sequence[Read]
    ) -> Iterator[tuple[str, Table, bool]]:
        events, items = (self.counted(source, kind, reads) for source in _SOURCES)
        name = f"{type(kind).__name__.lower()}_{number}"
        if isinstance(kind, Keyed):
            pairs = kind.pairs(events, items)
            yield f"{name}_pairs", pairs, False
            pairs = self.all_pairs(kind, ibis.table(pairs.schema(), name=f"{name}_pairs"))
            yield name, prefixed(number, kind.ranked(pairs, self.keys, reads), self.keys), True
        elif isinstance(kind, Tabled):
            yield name, prefixed(number, kind.table(events, items, reads), self.keys), True

    def counted(self, source: Source, kind: Kind, reads: Sequence[Read]) -> Rows:
        """Return the rows that a kind with a table of its own is made of."""
        return self._before(self.rows(source, kind.events, reach({kind: reads})))

    def all_pairs(self, kind: Keyed, pairs: Table) -> Table:  # here all were found at once
        """Return the pairs of a keyed kind that are ranked."""
        return pairs

    def rows(self, source: Source, events: tuple[str, ...] | None, days: int | None) -> Rows:
        """Return rows of some events before the last cut-off, from `days` before the first on."""
        table = ibis.table(ibis.schema(TABLES[source]), name=source)
        first, last = min(self.cutoffs), max(self.cutoffs)
        rows = table.filter(table.customer_id.notnull(), table.ts_us < last)
        if days is not None:
            rows = rows.filter(rows.ts_us >= first - first % DAY_US - days * DAY_US)
        if source == "events":
            rows = rows.filter(~rows.is_machine.fill_null(False))  # noqa: FBT003  # Ibis' own
        if events is not None:
            rows = rows.filter(rows.event.isin(events))
        code = rows.event.cases(*((event, _CODES[event]) for event in events or EVENT_NAMES))
        rows = rows.select(c.CUSTOMER_ID, *_USED[source], code=code)
        return Rows(
            table=rows,
            keys=(c.CUSTOMER_ID,),
            at=last,
            codes=_CODES,
            clock=self.clock,
            events=events,
        )

    def _before(self, rows: Rows) -> Rows:
        """Return rows beside each cut-off that they lie before."""
        if self.at_us is not None:
            return rows
        table = rows.table.join(_CUTOFFS, rows.table.ts_us < _CUTOFFS.cutoff_us)
        return replace(rows, table=table, keys=self.keys, at=table.cutoff_us)


def join(first: str, names: Iterable[str], keys: Sequence[str], dialect: str) -> str:
    """Return the query that joins tables to the rows of the first.

    By hand: every dialect reads it, and Ibis takes seconds over a join of twenty tables.
    """
    using = f"USING ({', '.join(quoted(key, dialect) for key in keys)})"
    others = (f"\nLEFT JOIN {quoted(name, dialect)} {using}" for name in names if name != first)
    return f"SELECT * FROM {quoted(first, dialect)}{''.join(others)}"  # noqa: S608  # ours


def columns_of(parts: Mapping[str, Table]) -> dict[str, Any]:
    """Return the columns of tables that are joined, with their types."""
    return {name: of for table in parts.values() for name, of in table.schema().items()}


def prefixed(number: int, table: Table, keys: tuple[str, ...]) -> Table:
    """Name the columns of a table, but for its keys, after the number of their kind."""
    parts = {name: table[name] for name in table.columns if name not in keys}
    return table.select(*keys, **named(number, parts))
