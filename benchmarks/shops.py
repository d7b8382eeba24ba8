"""The shops that the benchmarks of the features read: made once, then kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.chosen import AS_OF, DAYS, SEED
from benchmarks.watch import run_and_watch
from ingest.lake import connect

SENDWISE = Path(sys.executable).with_name("sendwise")


def simulating(home: Path, customers: int, days: int = DAYS, as_of: datetime = AS_OF) -> list[str]:
    """Return the command that makes a shop in `home`."""
    size = ["--customers", str(customers), "--days", str(days), "--seed", str(SEED)]
    instant = ["--as-of", as_of.isoformat(), "--json"]
    return [str(SENDWISE), "--home", str(home), "simulate", *size, *instant]


def made(home: Path, customers: int, days: int = DAYS) -> Path:
    """Return the workspace `home`, after simulating a shop into it if it holds none."""
    if not (home / "lake").exists():
        home.mkdir(parents=True, exist_ok=True)
        run_and_watch(simulating(home, customers, days))
    return home


@contextmanager
def opened(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection to the lake of a workspace, on two threads."""
    connection = connect(home)
    try:
        yield connection
    finally:
        connection.close()


def events_in(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many events a lake holds."""
    return int(connection.execute("SELECT count(*) FROM events").fetchall()[0][0])
