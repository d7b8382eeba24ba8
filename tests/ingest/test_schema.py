from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from core.database import open_database
from ingest import schema
from ingest.contract import EVENTS
from ingest.schema import DDL, LINES, LINES_SQL, from_rows, read_batches, to_rows

KNOWN = pa.schema([("name", pa.string()), ("count", pa.int64()), ("good", pa.bool_())])
ROWS: list[tuple[object, ...]] = [("Žofie 🛒", 2**62, 1), (None, None, None), ("", 0, 0)]


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path / "events.db")


def test_what_is_committed_survives_a_power_cut(db: sqlite3.Connection) -> None:
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_the_tables_can_be_made_again_and_hold_the_contract(db: sqlite3.Connection) -> None:
    for _ in range(2):
        db.executescript(DDL)

    columns = [row[1] for row in db.execute("PRAGMA table_info(events)")]
    assert columns == ["seq", *EVENTS.names]


def test_lines_read_back_have_the_shape_of_staging(db: sqlite3.Connection) -> None:
    db.executescript(DDL)

    assert len(db.execute(LINES_SQL).description) == len(LINES)


def test_rows_cross_to_arrow_and_back() -> None:
    table = pa.Table.from_batches([from_rows(ROWS, KNOWN)])

    assert table.column("good").to_pylist() == [True, None, False]
    assert list(to_rows(table, KNOWN.names)) == ROWS


def test_no_rows_are_an_empty_typed_batch() -> None:
    assert from_rows([], KNOWN).schema == KNOWN


def test_a_cursor_is_read_in_pieces(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "CHUNK", 2)
    cursor = db.execute("VALUES ('a', 1, 1), ('b', 2, 0), ('c', 3, NULL)")

    batches = list(read_batches(cursor, KNOWN))

    assert [batch.num_rows for batch in batches] == [2, 1]
    assert batches[1].to_pylist() == [{"name": "c", "count": 3, "good": None}]
