"""One busy shop, simulated once: what it holds and what is true of it, as views of DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ingest.lake import connect
from simulator.parameters import Parameters
from simulator.shop import Report, simulate

AS_OF = datetime(2024, 12, 20, tzinfo=UTC)
WEEK_US = 7 * 86_400_000_000


@dataclass(frozen=True)
class Shop:
    """A simulated shop: the views of the lake, and `true_*` for each table of the truth."""

    parameters: Parameters
    report: Report
    home: Path
    db: duckdb.DuckDBPyConnection

    def ask(self, sql: str) -> pd.DataFrame:
        """Return the rows of a query."""
        return self.db.execute(sql).df()

    def number(self, sql: str) -> float:
        """Return the one number that a query gives."""
        row = self.db.execute(sql).fetchone()
        assert row is not None
        return float(row[0])


def make(home: Path, parameters: Parameters) -> Report:
    """Simulate a shop into the folders of a workspace."""
    for name in ("lake", "truth"):
        (home / name).mkdir(parents=True)
    return simulate(parameters, home / "lake", home / "truth")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Three thousand customers over half a year, busier than most."""
    home = tmp_path_factory.mktemp("simulated")
    parameters = Parameters(customers=3_000, days=182, seed=5, as_of=AS_OF, events_per_customer=240)
    report = make(home, parameters)
    with connect(home) as db:
        for file in (home / "truth").glob("*.parquet"):
            db.execute(f"CREATE VIEW true_{file.stem} AS FROM '{file}'")
        days = home / "truth" / "deliveries" / "*" / "*.parquet"
        db.execute(f"CREATE VIEW true_deliveries AS FROM read_parquet('{days}', filename = true)")
        yield Shop(parameters, report, home, db)
