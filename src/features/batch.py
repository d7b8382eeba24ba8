"""Features of all customers as of cut-offs, as one Ibis expression: every engine's SQL is this.

The expression is over two tables of the contract, `events` and `items`, in named steps. It is only
compiled here; `features.engine` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final, Literal

import ibis
from ibis import Table

from core import columns as c
from features.columns import Clock, Source
from features.dialects import typed
from features.feature import Feature, facts_of, kinds_of
from features.formula import Border, Column, Formula, Read, ShopMean, column
from features.kinds.kind import Kind, Rows
from features.kinds.tally import Tally
from features.measures import ONE
from features.row import Happening, Line
from features.tiles import Cut, in_tiles, over_tiles
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED, TABLES

Who = Literal["bought", "seen"]
DIALECTS: Final = ("duckdb", "snowflake", "bigquery", "postgres", "databricks")
_CODES: Final = {event: code for code, event in enumerate(EVENT_NAMES, start=1)}
_CUTOFFS: Final = ibis.table({c.CUTOFF_US: "int64"}, name="cutoffs")
_SOURCES: Final[tuple[Source, ...]] = ("events", "items")
_TILED: Final = "tiled_"  # begins the names of steps that are no part of a customer's row
_BOUGHT: Final = Tally(ONE, (ORDER_COMPLETED,)).total
# What measures and keys read of the contract's tables.
_USED: Final[dict[Source, tuple[str, ...]]] = {
    "events": tuple(Happening.__dataclass_fields__)[:-1],
    "items": tuple(Line.__dataclass_fields__),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What to compute: features as of each of some cut-offs.

    `who` has a row: who ordered before the cut-off, or who was seen doing anything.
    """

    features: tuple[Feature, ...]
    cutoffs: tuple[int, ...]  # microseconds, each once
    clock: Clock
    who: Who = "bought"

    @property
    def at_us(self) -> int | None:
        """The cut-off where there is only one: a number makes a simpler query than a column."""
        return self.cutoffs[0] if len(self.cutoffs) == 1 else None

    @property
    def cut(self) -> Cut:
        """Where time is cut for these cut-offs and the windows of these features."""
        return Cut.at(self.cutoffs, (read for one in self.features for read in one.reads))

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a row."""
        return (c.CUSTOMER_ID,) if self.at_us is not None else (c.CUTOFF_US, c.CUSTOMER_ID)

    def steps(self, dialect: str = "duckdb") -> dict[str, str]:
        """Return named queries, each over those before it; the last is the features.

        They are compiled once in a process for equal batches: Ibis takes seconds over them.
        """
        # The first offset holds from the beginning, whenever that was: no query says when.
        (_, first), *later = self.clock.changes
        clock = replace(self.clock, changes=((0, first), *later))
        return dict(_steps(replace(self, clock=clock), dialect))

    def compiled(self, dialect: str) -> dict[str, str]:
        """Compile `steps`."""
        kinds = kinds_of(self.features)
        every = [read for reads in kinds.values() for read in reads]
        names: dict[Formula, str] = {read: f"r{number}" for number, read in enumerate(every)}
        tables = self._groupings(kinds, names)
        steps = {} if self.at_us is not None else self.cut.steps()
        steps |= {name: _printed(table, dialect) for name, table in tables.items()}
        # By hand: every dialect reads it, and Ibis takes seconds over a join of twenty tables.
        first, *others = (name for name in tables if not name.startswith(_TILED))
        using = f"USING ({', '.join(self.keys)})"
        joins = "".join(f"\nLEFT JOIN {name} {using}" for name in others)
        steps["reads"] = f"SELECT * FROM {first}{joins}"  # noqa: S608  # names of ours
        steps |= {name: _printed(table, dialect) for name, table in self._results(names).items()}
        return steps

    def _results(self, names: dict[Formula, str]) -> dict[str, Table]:
        """Return the tables over `reads`: facts of the shop, where any are needed, and features."""
        types = {key: "int64" if key == c.CUTOFF_US else "string" for key in self.keys}
        for tree, name in names.items():
            types[name] = "string" if isinstance(tree, Read) and tree.text else "float64"
        reads = ibis.table(types, name="reads")
        known: dict[Formula, Any] = _columns(reads, names)
        tables = {}
        if facts := self._facts(reads, known):
            joined = reduce(
                lambda left, right: _joined(left, right, self.keys[:-1]),
                [table for table, _ in facts],
            )
            named = {fact: name for _, found in facts for fact, name in found.items()}
            columns = [named[fact] for fact in facts_of(self.features)]
            tables["facts"] = joined.select(*self.keys[:-1], *columns)
            shop = ibis.table(tables["facts"].schema(), name="facts")
            reads = _joined(reads, shop, self.keys[:-1])
            known = _columns(reads, names) | {fact: reads[name] for fact, name in named.items()}
        tables["features"] = reads.select(
            c.CUSTOMER_ID,
            **{c.CUTOFF_US: reads.cutoff_us if self.at_us is None else self.at_us},
            **{
                one.name: column(one.value.or_default(one.default), known).cast(one.dtype)
                for one in self.features
            },
        )
        return tables

    def _groupings(
        self, kinds: Mapping[Kind, Sequence[Read]], names: Mapping[Formula, str]
    ) -> dict[str, Table]:
        """Return what kinds read, in the order to join it; the first has a row for everybody."""
        named = {kind: {names[read]: read for read in reads} for kind, reads in kinds.items()}
        steps: dict[str, Table] = {}
        for source in _SOURCES:
            flat = {
                kind: reads for kind, reads in named.items() if kind.flat and kind.source == source
            }
            if source == "events":  # the spine: it is there even where no kind asks for it
                spine = flat.get(_BOUGHT.kind, {}) | {"bought": _BOUGHT}
                flat = {**flat, _BOUGHT.kind: spine}
            if flat:
                steps |= self._flat(source, flat)
        if self.who == "bought":
            everybody = steps["of_events"]
            steps["of_events"] = everybody.filter(everybody.bought > 0.0)
        events, items = (self._joined_rows(source, kinds) for source in _SOURCES)
        for number, (kind, reads) in enumerate(named.items()):
            if not kind.flat:
                name = f"{type(kind).__name__.lower()}_{number}"
                steps[name] = kind.table(events, items, reads)
        return steps

    def _flat(self, source: Source, flat: Mapping[Kind, Mapping[str, Read]]) -> dict[str, Table]:
        """Return the grouping of all rows by customer, by way of tiles for several cut-offs."""
        rows = self._rows(source, flat)
        if self.at_us is None:
            name = f"{_TILED}{source}"
            tiled = in_tiles(rows, flat, self.cut)
            over = over_tiles(ibis.table(tiled.schema(), name=name), flat)
            return {name: tiled, f"of_{source}": over}
        found: dict[str, Any] = {}
        for kind, reads in flat.items():
            found |= kind.columns(rows, reads)
        return {f"of_{source}": rows.table.group_by(self.keys).agg(**found)}

    def _rows(self, source: Source, kinds: Iterable[Kind]) -> Rows:
        """Return rows of a source strictly before the last cut-off that any kind counts."""
        table = ibis.table(ibis.schema(TABLES[source]), name=source)
        counted = {event for kind in kinds for event in kind.events}
        used = [event for event in EVENT_NAMES if event in counted]
        last = max(self.cutoffs)
        rows = table.filter(table.customer_id.notnull(), table.ts_us < last)
        if source == "events":
            rows = rows.filter(~rows.is_machine.fill_null(False))  # noqa: FBT003  # Ibis' own
        if source == "items" or self.who == "bought":  # else any event is a sign of somebody
            rows = rows.filter(rows.event.isin(used))
        code = rows.event.cases(*((event, _CODES[event]) for event in used))
        rows = rows.select(c.CUSTOMER_ID, *_USED[source], code=code)
        return Rows(table=rows, keys=(c.CUSTOMER_ID,), at=last, codes=_CODES, clock=self.clock)

    def _joined_rows(self, source: Source, kinds: Iterable[Kind]) -> Rows:
        """Return rows of a source beside each cut-off that they lie before."""
        rows = self._rows(source, kinds)
        if self.at_us is not None:
            return rows
        table = rows.table.join(_CUTOFFS, rows.table.ts_us < _CUTOFFS.cutoff_us)
        return replace(rows, table=table, keys=self.keys, at=table.cutoff_us)

    def _facts(
        self, reads: Table, known: Mapping[Formula, Any]
    ) -> list[tuple[Table, dict[Formula, str]]]:
        """Return what is known of the shop's customers together, by cut-off, with its columns."""
        facts = facts_of(self.features)
        names: dict[Formula, str] = {fact: f"f{number}" for number, fact in enumerate(facts)}
        by = self.keys[:-1]
        means = [fact for fact in facts if isinstance(fact, ShopMean)]
        found: list[tuple[Table, dict[Formula, str]]] = []
        if means:
            table = _grouped(reads, by, {names[mean]: _mean(mean, known) for mean in means})
            found.append((table, {mean: names[mean] for mean in means}))
        borders = [fact for fact in facts if isinstance(fact, Border)]
        for of in dict.fromkeys(border.of for border in borders):
            fifths = {border: names[border] for border in borders if border.of == of}
            table = _borders(reads, column(of, known), fifths, by)
            found.append((table, dict(fifths.items())))
        return found


@lru_cache(maxsize=32)
def _steps(batch: Batch, dialect: str) -> Mapping[str, str]:
    return MappingProxyType(batch.compiled(dialect))


def _columns(table: Table, names: Mapping[Formula, str]) -> dict[Formula, Any]:
    """Return the columns of reads; a customer whom a table lacks has counted 0."""
    return {
        tree: table[name]
        if not isinstance(tree, Read) or tree.nullable
        else table[name].fill_null(0.0)
        for tree, name in names.items()
    }


def _joined(left: Table, right: Table, keys: tuple[str, ...]) -> Table:
    """Add the columns of a table to the rows of another."""
    if not keys:
        return left.cross_join(right)
    wide = left.left_join(right, list(keys))
    return wide.drop(*(f"{key}_right" for key in keys if f"{key}_right" in wide.columns))


def _grouped(table: Table, by: tuple[str, ...], found: dict[str, Any]) -> Table:
    return table.group_by(by).agg(**found) if by else table.agg(**found)


def _mean(mean: ShopMean, known: Mapping[Formula, Any]) -> Column:
    below = column(mean.denominator, known).sum()
    return column(mean.numerator, known).sum() / below.nullif(0.0)


def _borders(
    reads: Table, value: Column, named: Mapping[Border, str], by: tuple[str, ...]
) -> Table:
    """Return the greatest value in each of the first four fifths, in order of value."""
    known = reads.select(*by, value=value).filter(lambda each: each.value.notnull())
    fifth = ibis.ntile(5).over(ibis.window(group_by=by, order_by=known.value))
    known = known.mutate(fifth=fifth)
    return _grouped(
        known,
        by,
        {name: known.value.max(where=known.fifth < one.fifth) for one, name in named.items()},
    )


def sql(batch: Batch, dialect: str = "duckdb", *, last: str = "features") -> str:
    """Print a batch as one statement of a dialect, up to the step `last`."""
    steps = batch.steps(dialect)
    before = takewhile(lambda name: name != last, steps)
    tables = ",\n".join(f"{name} AS (\n{steps[name]}\n)" for name in before)
    return f"WITH {tables}\n{steps[last]}"


def _printed(table: Table, dialect: str) -> str:
    text = str(ibis.to_sql(table, dialect=dialect))
    return text if dialect == "duckdb" else typed(text, dialect)
