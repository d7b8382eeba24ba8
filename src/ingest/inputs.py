"""Foreign files as tables of a DuckDB staging database, which spills to disk.

Every table has `_row`: in a CSV file the line the row begins on, as an editor shows it (line 1
has the names), in a Parquet file the row's number from 1. Lines of a CSV file that cannot be
split into columns are not lost: they are in `rejects`, with their line.
"""

# ruff: noqa: S608  # SQL is put together from our own names and the operator's mapping

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import duckdb
import pyarrow as pa

from core.errors import ConfigError, DataError
from ingest.mapping import Mapping, literal, quoted
from ingest.rows import lines_at, shifts

# Beyond this DuckDB keeps its tables on disk, so the number of rows does not matter.
MEMORY: Final = "640MB"
STANDARD: Final = ("events", "products", "customers", "consents")  # inputs a user may leave out
_WORDS: Final = re.compile(r"[^\W\d][\w .-]*")  # what a misspelt column looks like
OURS: Final = "staging"  # our tables are in a schema of their own: inputs may have any name


@dataclass
class Staging:
    """A temporary DuckDB database; leaving the `with` block removes it."""

    where: Path  # the mapping file, for messages
    inputs: Named[str, Path]
    absent: dict[str, str] = field(default_factory=dict)  # view or input not given -> what it lacks

    def __enter__(self) -> Self:
        """Open the database."""
        self._folder = TemporaryDirectory(prefix="sendwise-import-")
        self.db = duckdb.connect()
        self.db.execute(f"SET memory_limit = '{MEMORY}'")
        self.db.execute(f"SET temp_directory = {literal(self._folder.name)}")
        self.db.execute("SET threads = 2")
        self.db.execute("SET enable_progress_bar = false")
        self.db.execute(f"CREATE SCHEMA {OURS}")
        self.db.execute(
            f"CREATE TABLE {OURS}.rejects "
            "(input VARCHAR, _row BIGINT, reason VARCHAR, payload VARCHAR)"
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the database."""
        self.db.close()
        self._folder.cleanup()

    def open_inputs(self, mapping: Mapping) -> None:
        """Make the input tables, then the views of the mapping over them.

        Raises:
            ConfigError: An input cannot be read as a table, or a view is not valid SQL.
            DataError: A file is missing.
        """
        self.db.execute(f"SET TimeZone = '{mapping.timezone}'")
        for name, path in self.inputs.items():
            if not path.is_file():
                what = "is a folder" if path.is_dir() else "does not exist"
                raise DataError(f"{name} file {path} {what}. Check the path.")
            try:
                if is_parquet(path):
                    self._open_parquet(name, path)
                else:
                    self._open_csv(name, path)
            except duckdb.Error as error:
                kind = "Parquet" if is_parquet(path) else "CSV"
                raise DataError(
                    f"{name} file {path} cannot be read as {kind}: {first_line(error)}"
                ) from None
        for name, sql in mapping.views.items():
            self._open_view(name, sql)

    def rows(self, sql: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a small query."""
        found: list[tuple[Any, ...]] = self.db.execute(sql, list(given)).fetchall()
        return found

    def one(self, sql: str) -> int:
        """Return the single number a query gives."""
        return int(self.rows(sql)[0][0])

    def batches(self, sql: str, size: int) -> Iterator[pa.Table]:
        """Yield the rows of a query as Arrow tables of at most about `size` rows."""
        cursor = self.db.cursor()  # of its own: others may work while this is read
        try:
            for batch in cursor.sql(sql).to_arrow_reader(size):
                yield pa.Table.from_batches([batch])
        finally:
            cursor.close()

    def arrow(self, sql: str) -> pa.Table:
        """Return the rows of a query as one Arrow table."""
        cursor = self.db.cursor()
        try:
            return cursor.sql(sql).to_arrow_table()
        finally:
            cursor.close()

    def insert(self, table: str, rows: pa.Table, columns: str = "*") -> None:
        """Append Arrow rows to one of our tables, made from them where it is not there yet."""
        self.db.register("given", rows)
        self.db.execute(
            f"CREATE TABLE IF NOT EXISTS {OURS}.{table} AS SELECT {columns} FROM given LIMIT 0"
        )
        self.db.execute(f"INSERT INTO {OURS}.{table} SELECT {columns} FROM given")
        self.db.unregister("given")

    def columns(self, table: str) -> list[str]:
        """Return the columns of an input or view."""
        return [str(row[0]) for row in self.rows(f"DESCRIBE {quoted(table)}")]

    def file_of(self, table: str) -> str:
        """Return the name of the file behind an input, or the name of the view."""
        return self.inputs[table].name if table in self.inputs else table

    def check_table(self, table: str, section: str) -> str | None:
        """Return what a section lacks to be read, or None when its table is there.

        Raises:
            ConfigError: No input or view can have this name.
        """
        if table in self.absent:
            return self.absent[table]
        there = sorted(
            str(row[0])
            for row in self.rows(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION ALL "
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
            )
        )
        if table in there:
            return None
        if table in STANDARD:
            return table
        raise ConfigError(
            f"mapping {self.where}, section {section}, from: no input or view {table!r}; "
            f"there are {', '.join(there)}."
        )

    def _open_parquet(self, name: str, path: Path) -> None:
        self.db.execute(
            f"CREATE VIEW {quoted(name)} AS SELECT file_row_number + 1 AS _row, "
            "* EXCLUDE (file_row_number) "
            f"FROM read_parquet({literal(str(path))}, file_row_number = true)"
        )

    def _open_csv(self, name: str, path: Path) -> None:
        """Read all columns as text, every row with the line of the file it begins on."""
        if path.stat().st_size == 0:
            raise DataError(f"{name} file {path} is empty. It needs a line with column names.")
        self.db.execute(
            f"CREATE TEMP TABLE read AS SELECT row_number() OVER () AS nth, * "
            f"FROM read_csv({literal(str(path))}, all_varchar = true, header = true, "
            "store_rejects = true, rejects_table = 'csv_rejects', rejects_scan = 'csv_scan')"
        )
        # A line can be wrong in several ways; one entry is enough.
        self.db.execute(
            "CREATE TEMP TABLE bad AS SELECT line_byte_position - 1 AS starts,"
            " any_value(error_type)::VARCHAR AS kind,"
            " ltrim(any_value(csv_line), chr(13) || chr(10)) AS text"
            " FROM csv_rejects GROUP BY line_byte_position"
        )
        columns = self.columns("read")[1:]
        self._number_rows(path, columns)
        self.db.execute(
            f"CREATE TABLE {quoted(name)} AS SELECT nth + shift AS _row, "
            "read.* EXCLUDE (nth) FROM read ASOF JOIN shifts ON nth >= from_nth"
        )
        self.db.execute(
            f"INSERT INTO {OURS}.rejects SELECT {literal(name)}, coalesce(line, 0), "
            "'malformed line: ' || lower(kind), to_json({'line': text})"
            " FROM bad LEFT JOIN bad_lines USING (starts)"
        )
        for table in ("read", "bad", "csv_rejects", "csv_scan", "shifts", "bad_lines"):
            self.db.execute(f"DROP TABLE {table}")

    def _number_rows(self, path: Path, columns: list[str]) -> None:
        """Say on which line of the file each row and each malformed line begins."""
        breaks = " + ".join(
            f"coalesce(length({name}) - length(replace({name}, chr(10), '')), 0)"
            for name in map(quoted, columns)
        )
        wrapped = self.rows(
            f"SELECT nth, {breaks} AS breaks FROM read WHERE breaks > 0 ORDER BY nth"
        )
        height = dict(
            self.rows(
                "SELECT starts, 1 + length(text) - length(replace(text, chr(10), '')) FROM bad"
            )
        )
        lines, empty = lines_at(path, height)
        gaps = [(line, height[at]) for at, line in lines.items()]
        if len(columns) > 1:  # else an empty line is a row with an empty field
            gaps += [(line, 1) for line in empty]
        first = 1 + sum(name.count("\n") for name in columns)
        self._keep_pairs("shifts", "from_nth", "shift", shifts(sorted(gaps), wrapped, first))
        self._keep_pairs("bad_lines", "starts", "line", lines.items())

    def _keep_pairs(
        self, table: str, key: str, value: str, rows: Iterable[tuple[int, int]]
    ) -> None:
        """Make a table of pairs; of several with one key the greatest."""
        pairs = [{key: first, value: second} for first, second in rows]
        schema = pa.schema([(key, pa.int64()), (value, pa.int64())])
        self.db.register("given", pa.Table.from_pylist(pairs, schema=schema))
        self.db.execute(
            f"CREATE TEMP TABLE {table} AS SELECT {key}, max({value}) AS {value}"
            " FROM given GROUP BY 1"
        )
        self.db.unregister("given")

    def _open_view(self, name: str, sql: str) -> None:
        where = f"mapping {self.where}, view {name}"
        if name in self.inputs or name in STANDARD:
            raise ConfigError(f"{where}: an input has this name already. Choose another.")
        try:
            self.db.execute(f"CREATE VIEW {quoted(name)} AS {sql}")
        except duckdb.CatalogException as error:
            lacks = re.search(r"Table with name (\S+) does not exist", str(error))
            table = lacks[1].strip('"') if lacks else ""
            if table in self.absent or table in STANDARD:
                self.absent[name] = self.absent.get(table, table)
            else:
                raise ConfigError(f"{where}: {first_line(error)}") from None
        except duckdb.Error as error:
            raise ConfigError(f"{where}: {self.explain(error)}") from None

    def explain(self, error: duckdb.Error, table: str | None = None, sql: str = "") -> str:
        """Return one line for an error in `sql`; an unknown column is named with the known."""
        text = str(error)
        if isinstance(error, duckdb.ParserException) and _WORDS.fullmatch(sql.strip()):
            text = f'Referenced column "{sql.strip()}" not found'  # a name with a blank in it
        lost = re.search(r'Referenced column "([^"]+)" (?:was )?not found', text) or re.search(
            r'does not have a column named "([^"]+)"', text
        )
        if not lost:
            return first_line(error)
        tables = [table] if table else list(self.inputs)
        columns = {name: [c for c in self.columns(name) if c != "_row"] for name in tables}
        known = "; ".join(f"{name} has the columns {', '.join(columns[name])}" for name in tables)
        near = get_close_matches(lost[1], [c for each in columns.values() for c in each], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"no column {lost[1]!r}; {known}.{hint}"


def is_parquet(path: Path) -> bool:
    """Say whether a file is read as Parquet; what is not is CSV."""
    return path.suffix.lower() in {".parquet", ".pq"}


def first_line(error: duckdb.Error) -> str:
    """Return the part of DuckDB's message that says what is wrong."""
    return str(error).strip().splitlines()[0].rstrip(".") + "."
