from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.database import open_database, transaction


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "some.db"


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])


def test_makes_the_file_and_its_folder(path: Path) -> None:
    with closing(open_database(path)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL

    assert path.is_file()


def test_a_transaction_is_seen_by_others_when_it_has_ended(path: Path) -> None:
    with closing(open_database(path)) as db:
        db.execute("CREATE TABLE t (x)")
        with transaction(db):
            db.execute("INSERT INTO t VALUES (1)")
            assert count(path) == 0
        assert count(path) == 1


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    def fail(db: sqlite3.Connection) -> None:
        with transaction(db):
            db.execute("INSERT INTO t VALUES (1)")
            raise RuntimeError

    with closing(open_database(path)) as db:
        db.execute("CREATE TABLE t (x)")
        with pytest.raises(RuntimeError):
            fail(db)
    assert count(path) == 0


def test_a_second_writer_gives_up_after_its_wait(path: Path) -> None:
    with closing(open_database(path)) as one, closing(open_database(path, wait_s=0)) as two:
        one.execute("CREATE TABLE t (x)")
        with (
            transaction(one),
            pytest.raises(sqlite3.OperationalError, match="locked"),
            transaction(two),
        ):
            pass
