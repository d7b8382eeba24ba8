"""The tables of the event log in SQLite, and how rows cross between SQLite and Arrow."""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from ingest.contract import CATALOGUE, CUSTOMERS, EVENT_TEXTS, EVENTS

CHUNK: Final = 100_000  # rows held as Python objects at a time

_TYPES: Final = {pa.string(): "TEXT", pa.int64(): "INTEGER", pa.bool_(): "INTEGER"}
# What a line of an event adds to the event itself; the rest of an item is the event's.
LINE_COLUMNS: Final = (
    "product_id",
    "category",
    "brand",
    "quantity",
    "price_minor",
    "discount_minor",
    "revenue_minor",
)

# An event of the log as the lines it was made of, in the shape of the staging tables. A value
# that is the sum of its lines is left null, so that it is summed anew with further lines.
_EVENT_ONLY: Final = ", ".join((*EVENT_TEXTS, "properties"))
LINES_SQL: Final = (
    "SELECT items.position, items.position - 1000000000, events.event_id, "
    "coalesce(items.line_id, ''), customer_id, anonymous_id, event, ts_us, "
    f"{_EVENT_ONLY}, nullif(value_minor, (SELECT sum(revenue_minor) FROM items AS i"
    " WHERE i.seq = events.seq)), nullif(events.discount_minor, (SELECT sum(discount_minor)"
    " FROM items AS i WHERE i.seq = events.seq)), currency, is_machine, "
    f"{', '.join(f'items.{name}' for name in LINE_COLUMNS)}, source "
    "FROM events LEFT JOIN items USING (seq)"
)
_TEXT, _INT = pa.string(), pa.int64()
LINES: Final = pa.schema(
    [
        *((name, _INT) for name in ("_row", "place")),
        *(
            (name, _TEXT)
            for name in ("event_id", "line_id", "customer_id", "anonymous_id", "event")
        ),
        ("ts_us", _INT),
        *((name, _TEXT) for name in _EVENT_ONLY.split(", ")),
        *((name, _INT) for name in ("value_minor", "event_discount_minor")),
        ("currency", _TEXT),
        ("is_machine", pa.bool_()),
        *((name, _TEXT) for name in ("product_id", "category", "brand")),
        *((name, _INT) for name in ("quantity", "price_minor", "discount_minor", "revenue_minor")),
        ("source", _TEXT),
    ]
)


def _columns(schema: pa.Schema, key: str) -> str:
    return ", ".join(
        f"{field.name} {_TYPES[field.type]}{' NOT NULL PRIMARY KEY' if field.name == key else ''}"
        for field in schema
    )


DDL: Final = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, {_columns(EVENTS, "")}, UNIQUE (event_id)
);
-- Which days have rows after a sequence number, without reading the rows.
CREATE INDEX IF NOT EXISTS events_by_day ON events (ts_us / 86400000000, seq);
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER NOT NULL, position INTEGER NOT NULL, line_id TEXT NOT NULL,
    product_id TEXT NOT NULL, category TEXT, brand TEXT, quantity INTEGER,
    price_minor INTEGER, discount_minor INTEGER, revenue_minor INTEGER,
    PRIMARY KEY (seq, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS catalogue ({_columns(CATALOGUE, "product_id")});
CREATE TABLE IF NOT EXISTS customers ({_columns(CUSTOMERS, "customer_id")});
CREATE TABLE IF NOT EXISTS quarantine (
    source TEXT NOT NULL, file TEXT NOT NULL, row INTEGER NOT NULL, reason TEXT NOT NULL,
    payload TEXT NOT NULL, UNIQUE (source, file, row, reason, payload)
);
-- What of each closed day is in the lake: everything up to through_seq, unless stale.
CREATE TABLE IF NOT EXISTS exports (
    day INTEGER PRIMARY KEY, through_seq INTEGER NOT NULL, files INTEGER NOT NULL,
    stale INTEGER NOT NULL DEFAULT 0
);
-- How often a closed day was written anew: its files then have new names.
CREATE TABLE IF NOT EXISTS rewrites (day INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
-- Lakes of before this table hold items of machine events: their days are written anew.
UPDATE exports SET stale = 1 WHERE day IN (SELECT ts_us / 86400000000 FROM events WHERE is_machine);
"""

# What somebody did last, at the moment of sending.
BY_CUSTOMER: Final = (
    "CREATE INDEX IF NOT EXISTS events_by_customer ON events (customer_id, ts_us)"
    " WHERE customer_id IS NOT NULL"
)


def to_rows(table: pa.Table, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of `table` as tuples of `columns`, for `executemany`."""
    return zip(*(table.column(name).to_pylist() for name in columns), strict=True)


def from_rows(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows of SQLite as a record batch; 0 and 1 become booleans where it has them."""
    if not rows:
        return pa.RecordBatch.from_pylist([], schema=schema)
    arrays = []
    for field, values in zip(schema, zip(*rows, strict=True), strict=True):
        stored = pa.int64() if pa.types.is_boolean(field.type) else field.type
        arrays.append(pa.array(values, type=stored).cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def read_batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rest of a cursor as record batches of at most `CHUNK` rows."""
    while rows := cursor.fetchmany(CHUNK):
        yield from_rows(rows, schema)
