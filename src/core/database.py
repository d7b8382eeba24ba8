"""How the SQLite files of the workspace are opened: one way for all who write them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Transaction = Literal["IMMEDIATE", "DEFERRED"]


def open_database(path: Path, *, wait_s: float = 30) -> sqlite3.Connection:
    """Open a SQLite file, made where it is missing: WAL, synchronous=FULL, explicit transactions.

    What was committed survives a power cut, and readers never wait for a writer.

    Args:
        path: The file.
        wait_s: How long a writer waits for another process before it gives up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -65536")  # KiB, taken only as pages are read
    return db


@contextmanager
def transaction(
    db: sqlite3.Connection, kind: Transaction = "IMMEDIATE"
) -> Iterator[sqlite3.Connection]:
    """Commit all the block does, or nothing; `DEFERRED` to only read, as of one moment."""
    db.execute(f"BEGIN {kind}")
    try:
        yield db
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
