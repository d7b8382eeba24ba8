"""From a section of the mapping to SQL that reads, converts and checks every row.

The SQL gives one row per input row with typed columns, `reason` (null: the row keeps the
contract) and `payload` (the row as JSON, only where there is a reason).
"""

# ruff: noqa: S608  # SQL is put together from our own names and the operator's mapping

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from core.errors import ConfigError
from ingest.inputs import OURS, Staging
from ingest.mapping import Section, literal, quoted
from ingest.money import minor_units_sql

TOLERANCE: Final = "1e-6"  # of a minor unit: what float noise may add to an amount
MOST: Final = 10**15  # minor units of one line: the sum over an event's lines fits 64 bits
FIRST_YEAR: Final = 1990
_SHOWN: Final = 40  # characters of a value in a message


@dataclass(frozen=True)
class Column:
    """An output column: SQL over the raw fields, and checks as (bad when, reason).

    `field` is what the checks judge, for examples; `hint` what helps where nothing passes.
    """

    name: str
    sql: str
    checks: tuple[tuple[str, str], ...] = ()
    field: str = ""
    hint: str = ""


class SectionSql:
    """Builds the SQL of one section; the fields are checked one by one as it is made."""

    def __init__(
        self, staging: Staging, section: Section, name: str, *, time_format: str | None
    ) -> None:
        self.staging = staging
        self.section = section
        self.name = name
        self.time_format = time_format
        self.columns = staging.columns(section.source_table)
        self.fields = section.expressions(self.columns)
        self.columns_of: dict[str, tuple[str, ...]] = {}  # reason -> columns that are judged
        self.hints: dict[str, str] = {}  # by reason
        self.types = {field: self._type_of(field, sql) for field, sql in self.fields.items()}
        for number, rule in enumerate(section.quarantine, 1):
            self._type_of(f"quarantine rule {number}", rule.when)

    def text(self, field: str, *, column: str = "", required: bool = False) -> Column:
        """A text column, trimmed; empty text is null."""
        column = column or field
        if field not in self.fields:
            return Column(column, "NULL::VARCHAR")
        checks = ((f"{column} IS NULL", f"missing {spaced(column)}"),) if required else ()
        text = f"nullif(trim({raw(field)}), '')"
        if self.types[field] != "VARCHAR":
            text = f"{raw(field)}::VARCHAR"
        return Column(column, text, checks, field)

    def json(self, field: str) -> Column:
        """A JSON object; `{}` where there is none."""
        if field not in self.fields:
            return Column(field, "'{}'")
        value = raw(field)
        if self.types[field] == "VARCHAR":  # text of a column: it may not be JSON at all
            given = f"coalesce(nullif(trim({value}), ''), '{{}}')"
            sql = f"CASE WHEN TRY(json_type({given})) = 'OBJECT' THEN {given} END"
            bad = (f"{field} IS NULL", f"{field} is not a JSON object")
            return Column(field, sql, (bad,), field)
        return Column(field, f"coalesce(to_json({value})::VARCHAR, '{{}}')")

    def flag(self, field: str, *, default: str) -> Column:
        """A yes/no column; `default` where the mapping or the row has none."""
        if field not in self.fields:
            return Column(field, default)
        value = raw(field)
        if self.types[field] == "VARCHAR":
            value = f"nullif(trim({value}), '')"
        return Column(
            field,
            f"CASE WHEN {value} IS NULL THEN {default} ELSE TRY_CAST({value} AS BOOLEAN) END",
            ((f"{field} IS NULL AND {value} IS NOT NULL", f"unreadable {spaced(field)}"),),
            field,
        )

    def time(self, field: str, column: str, *, now_us: int, required: bool = True) -> Column:
        """Microseconds UTC. A naive time is of the mapping's time zone (the session's)."""
        if field not in self.fields:
            return Column(column, "NULL::BIGINT")
        kind, value = self.types[field], raw(field)
        if kind == "VARCHAR":
            read = f"TRY_CAST(trim({value}) AS TIMESTAMPTZ)"
            if self.time_format:
                read = f"try_strptime(trim({value}), {literal(self.time_format)})::TIMESTAMPTZ"
            value = f"nullif(trim({value}), '')"
        elif kind.startswith("TIMESTAMP") or kind == "DATE":
            read = f"{value}::TIMESTAMPTZ"
        else:
            raise ConfigError(
                f"{self.where(field)}: a time must be a timestamp, a date or text, not {kind}. "
                "For seconds since 1970 write to_timestamp(COLUMN)."
            )
        latest = now_us + 86_400_000_000
        outside = f"year(make_timestamp({column})) < {FIRST_YEAR} OR {column} > {latest}"
        missing = ((f"{value} IS NULL", f"missing {field}"),) if required else ()
        checks = (
            *missing,
            (f"{column} IS NULL AND {value} IS NOT NULL", f"unreadable {field}"),
            (outside, f"{field} before {FIRST_YEAR} or in the future"),
        )
        return Column(column, f"epoch_us({read})", checks, field, self._on_times())

    def money(self, field: str, column: str) -> Column:
        """Whole minor units of the row's currency."""
        if field not in self.fields:
            return Column(column, "NULL::BIGINT")
        value, what = raw(field), spaced(field.removeprefix("item."))
        units = f"(TRY_CAST({value} AS DOUBLE) * {minor_units_sql('currency')})"
        checks = (
            (f"{value} IS NOT NULL AND {units} IS NULL", f"unreadable {what}"),
            (f"abs({units} - round({units})) > {TOLERANCE}", f"{what} is not whole minor units"),
            (f"{column} < 0", f"negative {what}"),
            (
                f"{column} > {MOST} OR ({column} IS NULL AND {units} IS NOT NULL)",
                f"{what} out of range",
            ),
        )
        return Column(column, f"TRY_CAST(round({units}) AS BIGINT)", checks, field)

    def count(self, field: str, column: str) -> Column:
        """A whole number of units, 1 where the mapping has none."""
        if field not in self.fields:
            return Column(column, "1::BIGINT")
        value, what = f"TRY_CAST({raw(field)} AS DOUBLE)", spaced(column)
        checks = (
            (f"{value} IS NULL", f"missing or unreadable {what}"),
            (f"{value} <> floor({value})", f"{what} is not a whole number"),
            (f"{column} < 0", f"negative {what}"),
            (f"{column} IS NULL", f"{what} out of range"),
        )
        return Column(column, f"TRY_CAST({value} AS BIGINT)", checks, field)

    def currency(self, default: str, allowed: Sequence[str]) -> Column:
        """The row's currency; one without a rate to the base currency is refused."""
        codes = ", ".join(literal(code) for code in sorted(allowed))
        given = raw("currency") if "currency" in self.fields else "NULL"
        return Column(
            "currency",
            f"coalesce(nullif(upper(trim({given}::VARCHAR)), ''), {literal(default)})",
            ((f"currency NOT IN ({codes})", "currency without a rate"),),
            "currency",
        )

    def select(self, columns: Sequence[Column], out: str) -> str:
        """Return the whole query; a column may use those before it, in its SQL and its checks."""
        table = self.section.source_table
        row = "src._row" if "_row" in self.columns else "0"
        fields = [f"{_tried(sql)} AS {raw(name)}" for name, sql in self.fields.items()]
        rules = [
            (f"TRY({rule.when}) AS rule_{number}", f"rule_{number}", rule.reason)
            for number, rule in enumerate(self.section.quarantine)
        ]
        checks = [(name, reason) for _, name, reason in rules]
        checks += [check for column in columns for check in column.checks]
        self._keep_judged(columns)
        cases = " ".join(f"WHEN {bad} THEN {literal(reason)}" for bad, reason in checks)
        inner = ", ".join([f"{row} AS _row", "src", *fields, *(sql for sql, _, _ in rules)])
        middle = ", ".join(f"{column.sql} AS {column.name}" for column in columns)
        payload = "CASE WHEN reason IS NOT NULL THEN to_json(src)::VARCHAR END AS payload"
        return (
            f"SELECT {out}, {payload} FROM ("
            f"SELECT *, CASE {cases} END AS reason FROM ("
            f"SELECT *, {middle} FROM (SELECT {inner} FROM {quoted(table)} AS src)))"
        )

    def stage(self, table: str, columns: Sequence[Column], out: str = "") -> None:
        """Run the query into a staging table, new or of an earlier section.

        Raises:
            ConfigError: The SQL of the mapping fails as a whole.
        """
        out = out or ", ".join(["_row", *(column.name for column in columns), "reason"])
        there = self.staging.one(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = "
            f"'{OURS}' AND table_name = '{table}'"
        )
        verb = f"INSERT INTO {OURS}.{table}" if there else f"CREATE TABLE {OURS}.{table} AS"
        try:
            self.staging.db.execute(f"{verb} {self.select(columns, out)}")
        except duckdb.Error as error:
            where = f"mapping {self.staging.where}, section {self.name}"
            raise ConfigError(f"{where}: {self.staging.explain(error)}") from None

    def example(self, reason: str, place: str, payload: str) -> str:
        """Return the row at `place`, with what it has in the columns that `reason` is about."""
        row: dict[str, object] = json.loads(payload)
        values = [
            f"{name} {'is empty' if row[name] in (None, '') else f'= {shorten(str(row[name]))!r}'}"
            for name in self.columns_of.get(reason, ())
            if name in row
        ]
        return " and ".join(values) + f" in {place}" * bool(place) if values else place

    def where(self, field: str) -> str:
        """Name a field for a message."""
        return f"mapping {self.staging.where}, section {self.name}, field {field}"

    def _keep_judged(self, columns: Sequence[Column]) -> None:
        """Keep which columns each reason is about, and what to say where it is all there is."""
        judged = [(rule.reason, rule.when, "") for rule in self.section.quarantine]
        judged += [
            (reason, self.fields.get(column.field, ""), column.hint)
            for column in columns
            for _, reason in column.checks
        ]
        for reason, sql, hint in judged:
            self.columns_of[reason] = tuple(
                name
                for name in self.columns
                if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE)
            )
            self.hints[reason] = hint if reason.startswith("unreadable") else ""

    def _on_times(self) -> str:
        if self.time_format:
            return f"Times are read with the mapping's time_format, {self.time_format!r}."
        return (
            "Times that are not ISO 8601 need a time_format in the mapping, "
            'for example time_format: "%d/%m/%Y %H:%M".'
        )

    def _type_of(self, field: str, sql: str) -> str:
        table = self.section.source_table
        query = f"DESCRIBE SELECT TRY({sql}) AS value FROM {quoted(table)} AS src"
        try:
            described = self.staging.db.execute(query).fetchall()
        except duckdb.Error as error:
            raise ConfigError(
                f"{self.where(field)}: {self.staging.explain(error, table, sql)}"
            ) from None
        return str(described[0][1])


def _tried(sql: str) -> str:
    """Return SQL that gives null where `sql` fails; the name of a column cannot fail."""
    is_name = sql.isidentifier() or re.fullmatch(r'"[^"]*"', sql)
    return sql if is_name else f"TRY({sql})"


def raw(field: str) -> str:
    """Name the column that holds a field as the mapping's SQL gives it."""
    return quoted(f"raw {field}")


def shorten(text: str) -> str:
    """Return as much of a value as a message has room for."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def spaced(name: str) -> str:
    """Return a field's name as words, for reasons."""
    return name.removesuffix("_minor").replace("_", " ")
