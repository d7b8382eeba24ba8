"""Features of all customers as of cut-offs, as one Ibis expression: every engine's SQL is this.

The expression is over tables of the contract, `events` and `items`, in named steps; what no event
says is joined at the end. It is only compiled here; `features.engine` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, reduce
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

import ibis
from ibis import Table

from core import columns as c
from core.clock import DAY_US, to_us
from core.errors import DataError
from features.advance import Advance
from features.columns import Clock
from features.dialects import printed, quoted, within
from features.families import Reads, Who
from features.feature import Feature, checked, facts_of, kinds_of, outside_of
from features.formula import Border, Column, Formula, Outside, Read, ShopMean, column
from features.groupings import Groupings
from features.kinds.kind import parts_of
from features.outside import outside_table

TABLES_READ: Final = ("events", "items", "customers")  # of the contract
DIALECTS: Final = ("duckdb", "snowflake", "bigquery", "postgres", "databricks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What to compute: features as of each of some cut-offs.

    `who` has a row: who ordered before the cut-off, or who was seen doing anything.
    """

    features: tuple[Feature, ...]
    cutoffs: tuple[int, ...]  # microseconds, each once
    clock: Clock
    who: Who = "bought"
    apart: bool = False  # what is kept until tomorrow is a step: pairs, and `parts`
    since_us: int | None = None  # the parts are those of then, moved on: one cut-off, apart

    @property
    def at_us(self) -> int | None:
        """The cut-off where there is only one: a number makes a simpler query than a column."""
        return self.cutoffs[0] if len(self.cutoffs) == 1 else None

    def groupings(self, dialect: str = "duckdb") -> Groupings:
        """Return the steps that make what is read."""
        grouped = Groupings(
            kinds=kinds_of(checked(self.features)),
            cutoffs=self.cutoffs,
            clock=self.clock,
            who=self.who,
            apart=self.apart,
            numbers=dialect == "duckdb",
        )
        return grouped if self.since_us is None else Advance.of(grouped, self.since_us)

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
        grouped = self.groupings(dialect)
        steps = {} if self.at_us is not None else grouped.cut.steps()
        parts: dict[str, Table] = {}
        before = ""
        for step in grouped.steps():
            text = printed(step.table, dialect)
            if step.role == "next":  # as a table of its own it would be written and read back
                before = within(step.name, text, dialect)
                continue
            steps[step.name], before = before + text, ""
            if step.role == "parts":
                parts[step.name] = step.table
        joined, columns = grouped.joined(parts, dialect)
        names, reads = self._reads(grouped.kinds, ibis.table(columns, name="parts"))
        found = printed(reads, dialect)
        if self.apart:
            steps["parts"] = joined
        else:
            found = within("parts", joined, dialect) + found
        *known, last = self._results(names, dialect).items()
        if not known:  # only the features read them
            return steps | {last[0]: within("reads", found, dialect) + printed(last[1], dialect)}
        steps["reads"] = found
        return steps | {name: printed(table, dialect) for name, table in (*known, last)}

    def _reads(self, kinds: Reads, parts: Table) -> tuple[dict[Formula, str], Table]:
        """Return what is read of each customer's parts, and the names of its columns."""
        at = self.at_us if self.at_us is not None else parts.cutoff_us
        names: dict[Formula, str] = {}
        columns = {}
        for number, (kind, reads) in enumerate(kinds.items()):
            of_kind = parts_of(parts, number)
            for read in reads:
                names[read] = f"r{len(names)}"
                columns[names[read]] = kind.value(read, of_kind, at)
        return names, parts.select(*self.keys, **columns)

    def _results(self, names: dict[Formula, str], dialect: str) -> dict[str, Table]:
        """Return the tables over `reads`: what is known besides, where needed, and features."""
        types = {key: "int64" if key == c.CUTOFF_US else "string" for key in self.keys}
        for tree, name in names.items():
            types[name] = "string" if isinstance(tree, Read) and tree.text else "float64"
        reads = of_events = ibis.table(types, name="reads")
        known = _columns(reads, names)
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
            names = names | named
        if outside := {each: f"o{nth}" for nth, each in enumerate(outside_of(self.features))}:
            tables["outside"] = self._looked_up(outside, of_events, known, dialect)
            besides = ibis.table(tables["outside"].schema(), name="outside")
            reads, names = _joined(reads, besides, self.keys), names | outside
        known = _columns(reads, names)
        tables["features"] = reads.select(
            c.CUSTOMER_ID,
            **{c.CUTOFF_US: reads.cutoff_us if self.at_us is None else self.at_us},
            **{
                one.name: column(one.value.or_default(one.default), known).cast(one.dtype)
                for one in self.features
            },
        )
        return tables

    def _looked_up(
        self,
        names: Mapping[Outside, str],
        reads: Table,
        known: Mapping[Formula, Any],
        dialect: str,
    ) -> Table:
        """Return what no event says of each row of `reads`."""
        shop = self.clock.shop
        return outside_table(
            reads,
            names,
            known,
            keys=self.keys,
            days={cutoff: shop.local_us(cutoff) // DAY_US for cutoff in self.cutoffs},
            dialect=dialect,
        )

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


def instants_of(cutoffs: Iterable[datetime]) -> tuple[int, ...]:
    """Return cut-offs as microseconds, in order, each once.

    Raises:
        DataError: There is none.
        ConfigError: One is naive.
    """
    if not (instants := sorted({to_us(cutoff) for cutoff in cutoffs})):
        raise DataError("features need at least one cut-off, got none.")
    return tuple(instants)


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
    tables = ",\n".join(f"{quoted(name, dialect)} AS (\n{steps[name]}\n)" for name in before)
    query = steps[last]
    if query.startswith("WITH"):  # which cannot follow another one
        query = f"SELECT * FROM (\n{query}\n) AS {quoted(last, dialect)}"  # noqa: S608  # ours
    return f"WITH {tables}\n{query}"
