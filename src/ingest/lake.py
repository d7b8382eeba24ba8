"""The lake: closed days of the log as Parquet, read by DuckDB.

`lake/events/day=YYYY-MM-DD/*.parquet`, `lake/items/...` by UTC day, and one file each for
`catalogue`, `customers` and `consents`. The log books what of each day is in the lake, so a row
that arrives late goes to its day as a further file, and a day that was revised is written anew.

A file never changes: what is written anew gets a new name, and the old file stays until the next
export. A reader lists the booked files once, when it opens, and so sees the lake of one moment.

Machine events count for nothing, so their items are here for nobody: only the log has them.
"""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.clock import DAY_US, to_us
from core.errors import NotReadyError
from core.files import new_file
from ingest import book, damage
from ingest.book import BY_DAY
from ingest.contract import EVENTS, ITEMS, TABLES
from ingest.lock import import_lock
from ingest.log import EventLog
from ingest.mapping import literal
from ingest.schema import LINE_COLUMNS, read_batches

Part: TypeAlias = Path | pa.Table  # a Parquet file, or rows
_EVENTS_AT_A_TIME: Final = 20_000
_OWN: Final = ("position", *LINE_COLUMNS)
_NUMBERED: Final = pa.schema([("seq", pa.int64()), *EVENTS])
_EVENTS_SQL: Final = f"SELECT {', '.join(_NUMBERED.names)} FROM events AS e"
# What an item shares with its event is taken from there: a third less to carry over. CROSS JOIN
# is how SQLite is told to begin with the events.
_LINES: Final = pa.schema([("seq", pa.int64()), *(ITEMS.field(name) for name in _OWN)])
_ITEMS_SQL: Final = (
    f"SELECT i.seq, {', '.join(f'i.{name}' for name in _OWN)}"
    " FROM events AS e CROSS JOIN items AS i USING (seq)"
)
_COUNTS: Final = "NOT coalesce(e.is_machine, 0)"
_DAY: Final = "e.ts_us / 86400000000"
# Rows of the log that no file of the lake has, day by day.
_OPEN: Final = (
    "WHERE e.seq > coalesce((SELECT iif(x.stale, 0, x.through_seq) FROM exports AS x"
    f" WHERE x.day = {_DAY}), 0)"
)


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with a view per contract table of the workspace `home`.

    Views: `events`, `items`, `catalogue`, `customers`, `consents`, with exactly the columns
    of `ingest.contract`. Days that are not closed yet are read from the log. The caller closes
    the connection.

    Raises:
        NotReadyError: Nothing has been imported into `home` yet, or the lake lost a file.
        DataError: A file of the lake is damaged.
    """
    return opened(parts(home))


def parts(home: Path) -> dict[str, list[Part]]:
    """Return what each contract table of the workspace `home` is made of, as of one moment.

    Parquet files, and rows with the table's columns that no file has yet; one at least. For
    engines other than DuckDB.

    Raises:
        NotReadyError: Nothing has been imported into `home` yet, or the lake lost a file.
        DataError: A file of the lake is damaged.
    """
    found, has_log = _made_of(home)
    for of in found.values():
        damage.refuse_cut_off(_files(of), has_log=has_log)
    return found


def _files(of: Sequence[Part]) -> list[Path]:
    return [part for part in of if isinstance(part, Path)]


def _made_of(home: Path) -> tuple[dict[str, list[Part]], bool]:
    """Return what each table is made of, and whether files can be written anew from a log."""
    lake, path = home / "lake", home / "events.db"
    files: dict[str, list[Path]] | None = None
    live: dict[str, pa.Table] = {}
    if path.exists():
        log = EventLog(path)
        try:
            # What is booked and what is not, as of one moment: an export may be running.
            with log.transaction("DEFERRED"):
                files = book.booked(log, lake)
                live = _open_rows(log)
        finally:
            log.close()
    has_log = files is not None
    if files is None:
        files = book.unbooked(lake)
    if not files["events"] and not (live and len(live["events"])):
        raise NotReadyError(f"no events in {home}. Run `sendwise import` first.")
    found: dict[str, list[Part]] = {}
    for name, schema in TABLES.items():
        counted = files[name] if name in BY_DAY or name not in live else []
        rows = live.get(name, schema.empty_table())
        found[name] = [*counted, *([rows] if len(rows) or not counted else [])]
    return found, has_log


def opened(tables: Mapping[str, Sequence[Part]]) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with a view for each of the `parts` of a workspace."""
    connection = duckdb.connect()
    connection.execute("SET threads TO 2")
    for name, made_of in tables.items():
        columns, selects = ", ".join(TABLES[name].names), []
        if files := _files(made_of):
            paths = ", ".join(literal(str(file)) for file in files)
            selects.append(
                f"SELECT {columns} FROM read_parquet([{paths}], hive_partitioning = false)"
            )
        for part in made_of:
            if isinstance(part, pa.Table):
                connection.register(f"live_{name}", part)
                selects.append(f"SELECT {columns} FROM live_{name}")
        connection.execute(f"CREATE VIEW {name} AS {' UNION ALL '.join(selects)}")
    return connection


def refuse_damaged(home: Path) -> None:
    """Read every file of the lake: for when an engine has failed over one and not said which.

    Raises:
        DataError: A file is damaged; the first is named.
    """
    found, has_log = _made_of(home)
    for of in found.values():
        damage.refuse_unreadable(_files(of), has_log=has_log)


def _open_rows(log: EventLog) -> dict[str, pa.Table]:
    events, items = _read(log, _OPEN)
    live = {"events": events, "items": items}
    for name in _changed(log):
        schema = TABLES[name]
        live[name] = log.read(f"SELECT {', '.join(schema.names)} FROM {name}", schema)
    return live


def _changed(log: EventLog) -> dict[str, int]:
    """Return the version of each whole table that is not the one in the lake."""
    versions = {name: log.mark(name) for name in ("catalogue", "customers")}
    if log.has_consents():
        versions["consents"] = int(log.rows("SELECT coalesce(max(id), 0) FROM consents")[0][0])
    return {
        name: version for name, version in versions.items() if version != log.mark(book.mark(name))
    }


def _read(log: EventLog, where: str, given: Sequence[object] = ()) -> tuple[pa.Table, pa.Table]:
    """Return events and items of the log, both in order of time."""
    events = log.read(f"{_EVENTS_SQL} {where}", _NUMBERED, given).sort_by(
        [("ts_us", "ascending"), ("seq", "ascending")]
    )
    lines = log.read(f"{_ITEMS_SQL} {where} AND {_COUNTS}", _LINES, given)
    of_event = pc.index_in(lines.column("seq"), events.column("seq"))
    order = pc.sort_indices(
        pa.table({"event": of_event, "position": lines.column("position")}),
        sort_keys=[("event", "ascending"), ("position", "ascending")],
    )
    lines, of_event = lines.take(order), of_event.take(order)
    shared = events.select(["event_id", "customer_id", "event", "ts_us", "currency"]).take(of_event)
    columns = {
        name: (shared if name in shared.column_names else lines)[name] for name in ITEMS.names
    }
    return events.select(EVENTS.names), pa.table(columns, schema=ITEMS)


def export(
    log: EventLog,
    home: Path,
    *,
    as_of: datetime,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Write what the lake does not have yet of the days before that of `as_of`; return the days.

    Files are written aside and renamed, and only then does the log say that their rows are in
    the lake. After a crash in between the same files are written again, under the same names.

    Raises:
        UnavailableError: An import or another export is running.
    """
    with import_lock(home):
        return _export(log, home / "lake", as_of, progress or (lambda *_: None))


def _export(
    log: EventLog, lake: Path, as_of: datetime, progress: Callable[[str, int, int], None]
) -> int:
    book.tidy(log, lake)
    for name, version in _changed(log).items():
        _whole(log, book.version(lake, name, version), name, TABLES[name])
        log.set_mark(book.mark(name), version)
    today = to_us(as_of) // DAY_US
    days = log.rows(
        f"SELECT {_DAY}, count(*), max(e.seq), coalesce(x.stale, 0), coalesce(x.files, 0),"
        " coalesce(r.generation, 0)"
        f" FROM events AS e LEFT JOIN exports AS x ON x.day = {_DAY}"
        f" LEFT JOIN rewrites AS r ON r.day = {_DAY}"
        f" {_OPEN} AND {_DAY} < ? GROUP BY 1 ORDER BY 1",
        [today],
    )
    done = 0
    for group in _groups(days):
        _write_days(log, lake, group)
        done += len(group)
        progress("writing the lake", done, len(days))
    return len(days)


def _groups(days: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Split days into runs of bounded size, so that memory does not grow with the log."""
    groups: list[list[tuple[int, ...]]] = []
    size = 0
    for day in days:
        if not groups or size + day[1] > _EVENTS_AT_A_TIME:
            groups.append([])
            size = 0
        groups[-1].append(day)
        size += day[1]
    return groups


def _write_days(log: EventLog, lake: Path, days: list[tuple[int, ...]]) -> None:
    # Rows committed since the days were counted have higher numbers: they wait for the next export.
    span = f"{_OPEN} AND {_DAY} BETWEEN ? AND ? AND e.seq <= ?"
    tables = _read(log, span, [days[0][0], days[-1][0], max(day[2] for day in days)])
    for name, rows in zip(BY_DAY, tables, strict=True):
        number = rows.column("ts_us").to_numpy() // DAY_US
        for day, _, _, stale, files, generation in days:
            start, end = np.searchsorted(number, [day, day + 1])
            file = book.part(generation + 1, 0) if stale else book.part(generation, files)
            with new_file(lake / name / book.day_name(day) / file) as aside:
                pq.write_table(rows.slice(start, end - start), aside, compression="zstd")
    with log.transaction() as db:
        db.executemany(
            "INSERT INTO exports VALUES (?, ?, ?, 0) ON CONFLICT (day) DO UPDATE SET"
            " through_seq = max(through_seq, excluded.through_seq), files = excluded.files,"
            " stale = 0",
            [(day, seq, 1 if stale else files + 1) for day, _, seq, stale, files, _ in days],
        )
        db.executemany(
            "INSERT OR REPLACE INTO rewrites VALUES (?, ?)",
            [(day, generation + 1) for day, _, _, stale, _, generation in days if stale],
        )


def _whole(log: EventLog, path: Path, table: str, schema: pa.Schema) -> None:
    """Write a whole table of the log as one file, in bounded memory."""
    names = ", ".join(schema.names)
    with new_file(path) as aside, pq.ParquetWriter(aside, schema, compression="zstd") as writer:
        cursor = log.cursor(f"SELECT {names} FROM {table} ORDER BY {schema.names[0]}")
        for batch in read_batches(cursor, schema):
            writer.write_batch(batch)
