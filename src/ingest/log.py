"""The durable event log: one SQLite file with events, their items, catalogue and customers.

Every event has a running sequence number. A batch is one transaction: an event is never there
without its items, and what was committed survives a crash (WAL, synchronous=FULL).
"""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from core.database import Transaction, open_database, transaction
from core.errors import ConfigError
from ingest.contract import CATALOGUE, CUSTOMERS, EVENTS
from ingest.schema import (
    BY_CUSTOMER,
    DDL,
    LINE_COLUMNS,
    LINES,
    LINES_SQL,
    from_rows,
    read_batches,
    to_rows,
)

_EVENT_COLUMNS: Final = ("seq", *EVENTS.names)
_ITEM_COLUMNS: Final = ("seq", "position", "line_id", *LINE_COLUMNS)
_KNOWN: Final = pa.schema(
    [(name, pa.string()) for name in ("event_id", "line_id", "source", "customer_id")]
)


@dataclass(frozen=True, slots=True)
class Customer:
    """What the send step needs to know of a person."""

    customer_id: str
    email: str | None
    traits: dict[str, object]


class EventLog:
    """The log in `path` (`events.db` of a workspace)."""

    def __init__(self, path: Path) -> None:
        """Open the log; file and tables are made where they are not there yet."""
        self.path = path
        self._db = open_database(path)
        # The last table of the script says whether it ran: readers need no write lock.
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'rewrites'"):
            self._db.executescript(f"BEGIN IMMEDIATE; {DDL} COMMIT;")
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'events_by_customer'"):
            self._db.execute(BY_CUSTOMER)  # logs of before have no index of customers

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def transaction(
        self, kind: Transaction = "IMMEDIATE"
    ) -> AbstractContextManager[sqlite3.Connection]:
        """Commit all the block does, or nothing; `DEFERRED` to only read, as of one moment."""
        return transaction(self._db, kind)

    def read(self, sql: str, schema: pa.Schema, given: Sequence[object] = ()) -> pa.Table:
        """Return the rows of a query over the log as an Arrow table of `schema`."""
        cursor = self._db.execute(sql, tuple(given))
        return pa.Table.from_batches(read_batches(cursor, schema), schema=schema)

    def rows(self, sql: str, given: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a small query over the log."""
        return self._db.execute(sql, tuple(given)).fetchall()

    def cursor(self, sql: str) -> sqlite3.Cursor:
        """Start a query over the log whose rows are read bit by bit."""
        return self._db.execute(sql)

    def mark(self, name: str) -> int:
        """Return a number kept in the log under `name`, 0 before it was set.

        Under the name of a table (catalogue, customers): how often it was changed.
        """
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def set_mark(self, name: str, value: int) -> None:
        """Keep a number in the log under `name`."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, str(value)))

    def has_consents(self) -> bool:
        """Say whether the consent ledger has its table in this file."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'consents'"))

    def count(self, table: str) -> int:
        """Return how many rows `table` of the log has."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    # -- what the first import fixes

    @property
    def currency(self) -> str | None:
        """The base currency, or None before the first import."""
        return self._fixed("currency")

    @property
    def timezone(self) -> str | None:
        """The time zone of the first source, or None before the first import."""
        return self._fixed("timezone")

    def fix_timezone(self, timezone: str) -> None:
        """Keep the time zone of the first source; later ones change nothing."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('timezone', ?)", (timezone,))

    def fix_currency(self, currency: str) -> None:
        """Set the base currency once and for all.

        Raises:
            ConfigError: The log has another one.
        """
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('currency', ?)", (currency,))
        if self.currency != currency:
            raise ConfigError(
                f"setting 'currency' is {currency}, but {self.path} keeps its sums in "
                f"{self.currency}. Use that currency, or another --home."
            )

    def _fixed(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    # -- events

    def append(self, events: pa.Table, items: pa.Table) -> int:
        """Append events with their items in one transaction; return how many were new.

        An event whose id is in the log already is left out, with its items.

        Args:
            events: Columns of `ingest.contract.EVENTS`, ids distinct.
            items: `event_id`, `position`, `line_id` and the columns of a line.
        """
        with self.transaction() as db:
            if known := self._among("SELECT event_id FROM events", events.column("event_id")):
                ids = pa.array([key for (key,) in known], pa.string())
                events = events.filter(pc.invert(pc.is_in(events.column("event_id"), ids)))
            first = int(db.execute("SELECT coalesce(max(seq), 0) + 1 FROM events").fetchone()[0])
            seq = pa.array(range(first, first + len(events)), pa.int64())
            self._insert("events", _EVENT_COLUMNS, events.append_column("seq", seq))
            self._insert_items(events.append_column("seq", seq), items)
        return len(events)

    def revise(self, events: pa.Table, items: pa.Table) -> None:
        """Replace events of the log, lines of which arrived later, and mark their days stale.

        They keep their sequence numbers. Arguments as for `append`; all must be in the log.
        """
        with self.transaction() as db:
            numbers = dict(
                self._among("SELECT event_id, seq FROM events", events.column("event_id"))
            )
            seq = pa.array(
                [numbers[key] for key in events.column("event_id").to_pylist()], pa.int64()
            )
            events = events.append_column("seq", seq)
            old = [(value,) for value in numbers.values()]
            days = "SELECT ts_us / 86400000000 FROM events WHERE seq = ?"
            mark = f"UPDATE exports SET stale = 1 WHERE day IN ({days})"
            db.executemany(mark, old)
            db.executemany("DELETE FROM items WHERE seq = ?", old)
            db.executemany("DELETE FROM events WHERE seq = ?", old)
            self._insert("events", _EVENT_COLUMNS, events)
            self._insert_items(events, items)
            db.executemany(mark, old)

    def known_lines(self, event_ids: pa.ChunkedArray) -> pa.Table:
        """Return the lines of `event_ids` in the log, and whose they are; no items: line_id ''."""
        found = self._among(
            "SELECT events.event_id, coalesce(items.line_id, ''), source, customer_id"
            " FROM events LEFT JOIN items USING (seq)",
            event_ids,
        )
        return pa.Table.from_batches([from_rows(found, _KNOWN)])

    def lines_of(self, event_ids: pa.ChunkedArray) -> pa.Table:
        """Return events of the log as the lines they were made of, in the shape of staging.

        A value that is the sum of the lines is left null, so that it is summed anew.
        """
        return pa.Table.from_batches([from_rows(self._among(LINES_SQL, event_ids), LINES)])

    def _insert(self, table: str, columns: Sequence[str], rows: pa.Table) -> None:
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        self._db.executemany(sql, to_rows(rows, columns))

    def _insert_items(self, events: pa.Table, items: pa.Table) -> None:
        where = pc.index_in(items.column("event_id"), events.column("event_id"))
        items = items.append_column("seq", pc.take(events.column("seq"), where))
        self._insert("items", _ITEM_COLUMNS, items.filter(pc.is_valid(where)))

    def _among(self, select: str, event_ids: pa.ChunkedArray) -> list[tuple[Any, ...]]:
        sql = f"{select} WHERE events.event_id IN (SELECT value FROM json_each(?))"
        return self._db.execute(sql, (json.dumps(event_ids.to_pylist()),)).fetchall()

    # -- catalogue, customers, quarantine

    def put_products(self, rows: pa.Table) -> tuple[int, int]:
        """Insert or update products; return how many were new and how many changed."""
        return self._upsert("catalogue", CATALOGUE, rows)

    def put_customers(self, rows: pa.Table) -> tuple[int, int]:
        """Insert or update customers; return how many were new and how many changed."""
        return self._upsert("customers", CUSTOMERS, rows)

    def _upsert(self, table: str, schema: pa.Schema, rows: pa.Table) -> tuple[int, int]:
        key, *rest = schema.names
        sets = ", ".join(f"{name} = excluded.{name}" for name in rest)
        differs = " OR ".join(f"{table}.{name} IS NOT excluded.{name}" for name in rest)
        marks = ", ".join("?" * len(schema))
        sql = (
            f"INSERT INTO {table} ({', '.join(schema.names)}) VALUES ({marks}) "
            f"ON CONFLICT ({key}) DO UPDATE SET {sets} WHERE {differs}"
        )
        with self.transaction() as db:
            had, before = self.count(table), db.total_changes
            db.executemany(sql, to_rows(rows, schema.names))
            new, changes = self.count(table) - had, db.total_changes - before
            if changes:
                self.set_mark(table, self.mark(table) + 1)
            return new, changes - new

    def put_aside(self, rows: pa.Table) -> int:
        """Add rows to quarantine (source, file, row, reason, payload); return how many were new."""
        columns = ("source", "file", "row", "reason", "payload")
        with self.transaction() as db:
            before = db.total_changes
            db.executemany(
                "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?)", to_rows(rows, columns)
            )
            return db.total_changes - before

    # -- readers

    def customers(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Return those of the customers that are known, by id."""
        rows = self._db.execute(
            "SELECT customer_id, email, traits FROM customers"
            " WHERE customer_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(customer_ids)),),
        )
        return {key: Customer(key, email, json.loads(traits)) for key, email, traits in rows}

    def catalogue(self) -> pa.Table:
        """Return the whole catalogue, columns of `ingest.contract.CATALOGUE`, by product id."""
        sql = f"SELECT {', '.join(CATALOGUE.names)} FROM catalogue ORDER BY product_id"
        return self.read(sql, CATALOGUE)
