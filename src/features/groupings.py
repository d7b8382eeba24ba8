"""What kinds are made of, by customer: the first steps of a batch.

Groupings of flat kinds (`features.families`), a table for each of the others; tastes are made of
things (`features.things`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US
from features.columns import Clock, Source
from features.dialects import quoted
from features.families import EVERYBODY, Family, Reads, Who, families, reach
from features.formula import Read
from features.kinds.kind import Brief, Flat, Keys, Kind, Rows, Tabled, named
from features.row import Happening, Line
from features.things import CUSTOMER, Things
from features.tiles import Cut, grouped, in_tiles, over_tiles
from ingest.contract import TABLES

_SOURCES: Final[tuple[Source, ...]] = ("events", "items")
_CUTOFFS: Final = ibis.table({c.CUTOFF_US: "int64"}, name="cutoffs")
# What measures and keys read of the contract's tables.
_USED: Final[dict[Source, tuple[str, ...]]] = {
    "events": tuple(Happening.__dataclass_fields__)[:-1],
    "items": tuple(Line.__dataclass_fields__),
}
CUSTOMERS: Final = "customers_numbered"  # the step with the number of each customer
CUSTOMER_NUMBERS: Final = ibis.table({c.CUSTOMER_ID: "string", CUSTOMER: "int32"}, name=CUSTOMERS)
KEPT: Final = "kept_"  # begins the name of a step with pairs for tomorrow's build


@dataclass(frozen=True, slots=True)
class Step:
    """A named table: of `parts` of customers, or `shared` by steps, or read by the `next` only."""

    name: str
    table: Table
    role: Literal["parts", "shared", "next"]

    @property
    def read(self) -> Table:
        """The table as later steps read it."""
        return ibis.table(self.table.schema(), name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Groupings:
    """The steps that make the parts of `kinds`, as of each of some cut-offs.

    The columns of a part are named after the kind's number and the part: `k3_total`.
    """

    kinds: Reads
    cutoffs: tuple[int, ...]
    clock: Clock
    who: Who
    apart: bool = False  # what is kept until tomorrow has steps of its own
    numbers: bool = True  # for customers, in place of their ids; one machine has to give them

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

    @property
    def families(self) -> list[Family]:
        """The groupings of flat kinds."""
        return families(self.kinds, self.who)

    def steps(self) -> Iterator[Step]:
        """Yield the steps, each over those before it."""
        everybody, *others = self.families
        yield from self._flat(everybody)
        yield from self._numbered()
        for family in others:
            yield from self._flat(family)
        for number, (kind, reads) in enumerate(self.kinds.items()):
            if isinstance(kind, Tabled):
                yield self._tabled(number, kind, reads)
        for things in Things.among(self.kinds):
            yield from self._keyed(things)

    def joined(self, parts: Mapping[str, Table], dialect: str) -> tuple[str, dict[str, Any]]:
        """Return the query that joins the parts of each customer, and its columns."""
        return join(EVERYBODY, parts, self.keys, dialect), columns_of(parts)

    def number(self, kind: Kind) -> int:
        """Return the number of a kind, which its columns begin with."""
        return [*self.kinds].index(kind)

    def _flat(self, family: Family) -> Iterator[Step]:
        """Group rows by customer, by way of tiles for several cut-offs."""
        rows = self.rows(family.source, family.events, family.reach)
        numbered = {self.number(kind): kind for kind in family.kinds}
        if self.at_us is None:
            name = f"tiled_{family.name}"
            tiled = in_tiles(rows, numbered, self.cut)
            tiles = Step(name, tiled, "next")
            yield tiles
            kinds = {number: (kind, family.kinds[kind]) for number, kind in numbered.items()}
            yield Step(family.name, over_tiles(tiles.read, kinds), "parts")
            return
        found: dict[str, Any] = {}
        for number, kind in numbered.items():
            found |= named(number, kind.parts(rows, family.kinds[kind]))
        yield Step(family.name, grouped(rows.table, self.keys, found), "parts")

    @property
    def has_numbers(self) -> bool:
        """Say whether customers have numbers: for kinds that group or sort many rows by them."""
        return self.numbers and not all(isinstance(kind, Flat | Brief) for kind in self.kinds)

    def _numbered(self) -> Iterator[Step]:
        """Number the customers."""
        if self.has_numbers:
            number = ibis.row_number().over(ibis.window(order_by=c.CUSTOMER_ID)).cast("int32")
            yield Step(CUSTOMERS, self._everybody().mutate(**{CUSTOMER: number}), "shared")

    def _everybody(self) -> Table:
        """Return the ids of all who have a row, each once."""
        return ids_in(EVERYBODY)

    def _tabled(self, number: int, kind: Tabled, reads: Sequence[Read]) -> Step:
        events, items = (self.counted(source, kind, reads) for source in _SOURCES)
        name = f"{type(kind).__name__.lower()}_{number}"
        table = prefixed(number, kind.table(events, items, reads), events.keys)
        return Step(name, table, "parts")

    def _keyed(self, things: Things) -> Iterator[Step]:
        """Find the pairs of customer and thing, and what is made of them."""
        keys, name = self._numbered_keys(self.keys), things.name
        weighed = things.weighed(self._with_numbers(self._before(self._rows_of(things))))
        rows = Step(f"{name}_rows", weighed, "shared")
        numbered = Step(name, things.numbered(rows.read), "shared")
        paired = things.paired(rows.read, numbered.read, keys)
        pairs = Step(f"{name}_pairs", paired, "shared")
        yield from (rows, numbered, pairs)
        if self.apart:
            kept = things.kept(pairs.read, numbered.read, CUSTOMER_NUMBERS)
            yield Step(KEPT + name, kept, "shared")
        yield from self._ranked(things, numbered.read, pairs.read)

    def _rows_of(self, things: Things) -> Rows:
        return self.rows(things.source, things.first.events, None)

    def _ranked(self, things: Things, numbered: Table, paired: Table) -> Iterator[Step]:
        """Make the pairs of each kind, and rank its keys."""
        keys = self._numbered_keys(self.keys)
        for number, kind in things.kinds.items():
            name = f"{type(kind).__name__.lower()}_{number}"
            pairs = Step(f"{name}_pairs", things.pairs(number, paired, numbered, keys), "next")
            reads = self.kinds[kind]
            ranked = Step(f"{name}_ranked", kind.ranked(pairs.read, keys, reads), "shared")
            texts = [read.part for read in reads if read.text]
            worded = things.worded(number, ranked.read, numbered, texts)
            yield from (pairs, ranked, Step(name, prefixed(number, worded, keys), "parts"))

    def counted(self, source: Source, kind: Kind, reads: Sequence[Read]) -> Rows:
        """Return the rows that a kind with a table of its own is made of."""
        rows = self._before(self.rows(source, kind.events, reach({kind: reads})))
        return rows if isinstance(kind, Brief) else self._with_numbers(rows)

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
        rows = rows.select(c.CUSTOMER_ID, *_USED[source])
        return Rows(
            table=rows,
            keys=(c.CUSTOMER_ID,),
            at=last,
            clock=self.clock,
            events=events,
        )

    def _before(self, rows: Rows) -> Rows:
        """Return rows beside each cut-off that they lie before."""
        if self.at_us is not None:
            return rows
        table = rows.table.join(_CUTOFFS, rows.table.ts_us < _CUTOFFS.cutoff_us)
        table = table.select(*table.columns)  # Ibis joins no joins
        return replace(rows, table=table, keys=self.keys, at=table.cutoff_us)

    def _with_numbers(self, rows: Rows) -> Rows:
        """Return rows of those who have a number, which stands for their id."""
        if not self.numbers:
            return rows
        table = rows.table.join(CUSTOMER_NUMBERS, c.CUSTOMER_ID)
        table = table.select(*table.columns)  # Ibis joins no joins
        at = table[c.CUTOFF_US] if c.CUTOFF_US in rows.keys else rows.at
        return replace(rows, table=table, keys=self._numbered_keys(rows.keys), at=at)

    def _numbered_keys(self, keys: Keys) -> Keys:
        return tuple(CUSTOMER if self.numbers and key == c.CUSTOMER_ID else key for key in keys)


def ids_in(name: str) -> Table:
    """Return the ids of the customers in a table, each once."""
    table = ibis.table({c.CUSTOMER_ID: "string"}, name=name)
    # Grouped, not only selected: Ibis would print `*` for the one column it knows.
    return table.group_by(c.CUSTOMER_ID).agg(rows=table.count()).select(c.CUSTOMER_ID)


def join(first: str, parts: Mapping[str, Table], keys: Keys, dialect: str) -> str:
    """Return the query that joins tables to the rows of the first, by id or by number.

    By hand: every dialect reads it, and Ibis takes seconds over a join of twenty tables.
    """
    numbered = {name for name, table in parts.items() if CUSTOMER in table.columns}
    lines = [f"SELECT * FROM {quoted(first, dialect)}"]  # noqa: S608  # ours
    if numbered and first != CUSTOMERS:
        lines.append(f"JOIN {quoted(CUSTOMERS, dialect)} USING ({quoted(c.CUSTOMER_ID, dialect)})")
    for name in parts:
        if name != first:
            of = (CUSTOMER if name in numbered and key == c.CUSTOMER_ID else key for key in keys)
            using = ", ".join(quoted(key, dialect) for key in of)
            lines.append(f"LEFT JOIN {quoted(name, dialect)} USING ({using})")
    return "\n".join(lines)


def columns_of(parts: Mapping[str, Table]) -> dict[str, Any]:
    """Return the columns of tables that are joined, with their types."""
    return {name: of for table in parts.values() for name, of in table.schema().items()}


def prefixed(number: int, table: Table, keys: Keys) -> Table:
    """Name the columns of a table, but for its keys, after the number of their kind."""
    parts = {name: table[name] for name in table.columns if name not in keys}
    return table.select(*keys, **named(number, parts))
