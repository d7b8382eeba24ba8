"""A simulated shop for tests that compare engines: two currencies, and texts that break ties."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from features.batch import TABLES_READ
from features.registry import REGISTRY
from features.shop import Shop
from simulator.parameters import CURRENCY, TIMEZONE, Parameters
from simulator.shop import simulate

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
SHOP = Shop(timezone=TIMEZONE, currency=CURRENCY, rates={"USD": 0.9137})
# For Spark: queries run for a moment, so what pays off only over minutes is left out.
BRIEFLY = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
}
# Angles, and sums that cancel out: digits are lost, so the bound is on the difference itself.
_ABSOLUTE = {
    one.name for one in REGISTRY if one.name.endswith(("_hour", "_hour_strength", "_entropy"))
}
_BOUND = 1e-9


def write_shop(folder: Path) -> duckdb.DuckDBPyConnection:
    """Write the tables of TABLES_READ as Parquet into `folder`; return their views in DuckDB."""
    lake, truth = folder / "lake", folder / "truth"
    lake.mkdir()
    truth.mkdir()
    simulate(Parameters(customers=200, days=300, seed=3, as_of=AS_OF), lake, truth)
    connection = duckdb.connect()
    connection.execute("SET threads TO 2")
    (people,) = lake.glob("customers*.parquet")
    people.rename(folder / "customers.parquet")
    for name in TABLES_READ[:2]:
        path = folder / f"{name}.parquet"
        connection.execute(
            f"""COPY (SELECT * REPLACE (
                CASE WHEN currency IS NOT NULL AND ts_us % 3 = 0 THEN 'USD' ELSE currency END
                AS currency) FROM read_parquet('{lake}/{name}/*/*.parquet',
                hive_partitioning = false)) TO '{path}'"""  # noqa: S608  # a path of ours
        )
    for name in TABLES_READ:
        connection.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
    return connection


def assert_same(got: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Assert that two engines say the same: equal texts, numbers within a billionth."""
    assert list(got.columns) == list(expected.columns)
    for name, values in expected.items():
        if values.dtype == object:
            assert got[name].tolist() == values.tolist(), name
        else:
            bound = {"atol": _BOUND} if name in _ABSOLUTE else {"rtol": _BOUND}
            np.testing.assert_allclose(got[name], values, **({"rtol": 0.0} | bound), err_msg=name)
