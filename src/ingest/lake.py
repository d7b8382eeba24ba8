"""The lake: closed days of the log as Parquet, read by DuckDB.

`lake/events/day=YYYY-MM-DD/*.parquet`, `lake/items/...` by UTC day, and one file each for
`catalogue`, `customers` and `consents`.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from core.errors import NotReadyError
from ingest.contract import TABLES


def connect(home: Path) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with a view per contract table of the workspace `home`.

    Views: `events`, `items`, `catalogue`, `customers`, `consents`, with exactly the columns
    of `ingest.contract`. The caller closes the connection.

    Raises:
        NotReadyError: Nothing has been imported into `home` yet.
    """
    lake = home / "lake"
    if not any(lake.glob("events/day=*/*.parquet")):
        raise NotReadyError(f"no events in {home}. Run `sendwise import` first.")
    connection = duckdb.connect()
    connection.execute("SET threads TO 2")
    for name, schema in TABLES.items():
        pattern = lake / name / "*" / "*.parquet" if name in {"events", "items"} else lake / f"{name}.parquet"
        columns = ", ".join(schema.names)
        connection.execute(
            f"CREATE VIEW {name} AS SELECT {columns} "  # noqa: S608  # names are ours
            f"FROM read_parquet('{pattern}', hive_partitioning = false, union_by_name = true)"
        )
    return connection
