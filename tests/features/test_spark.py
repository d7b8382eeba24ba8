from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.errors import ConfigError, DataError
from features import engine, spark
from features.registry import PROPENSITY, REGISTRY
from ingest.contract import EVENTS, ITEMS
from tests.simulated_shop import AS_OF, SHOP, SOURCES, assert_same, write_shop

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17: none here"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyspark") is None, reason="PySpark is not installed"
    ),
]
# Queries run for a moment: what pays off only over minutes is left out.
BRIEFLY = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def duck(shop: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with write_shop(shop) as connection:
        yield connection


@pytest.fixture(scope="module")
def running(shop: Path, duck: duckdb.DuckDBPyConnection) -> Iterator[SparkSession]:
    del duck  # has written the files
    with spark.session(options=BRIEFLY) as session:
        items = pq.read_table(shop / "items.parquet")
        middle = len(items) // 2
        parts = [items.slice(0, middle), items.slice(middle)]
        spark.register(session, {"events": [shop / "events.parquet"], "items": parts})
        yield session


def test_every_feature_is_the_same_as_on_duckdb(
    running: SparkSession, duck: duckdb.DuckDBPyConnection
) -> None:
    at = AS_OF - timedelta(days=9, hours=11)

    got = spark.feature_frame(running, cutoffs=[at], features=REGISTRY, shop=SHOP, who="seen")

    expected = engine.feature_frame(duck, cutoffs=[at], features=REGISTRY, shop=SHOP, who="seen")
    assert len(expected) > 100
    assert_same(got, expected)


def test_several_cutoffs_are_the_same_as_on_duckdb(
    running: SparkSession, duck: duckdb.DuckDBPyConnection
) -> None:
    cutoffs = [AS_OF - timedelta(days=days) for days in (0, 40, 90)]

    got = spark.feature_frame(running, cutoffs=cutoffs, features=PROPENSITY, shop=SHOP)

    expected = engine.feature_frame(duck, cutoffs=cutoffs, features=PROPENSITY, shop=SHOP)
    assert expected["cutoff_us"].nunique() == 3
    assert_same(got, expected)
    assert got.dtypes.tolist() == expected.dtypes.tolist()


def test_leaves_no_views_of_its_steps_behind(running: SparkSession) -> None:
    assert {table.name for table in running.catalog.listTables()} == set(SOURCES)


def test_knows_the_shop_as_duckdb_does(
    running: SparkSession, duck: duckdb.DuckDBPyConnection
) -> None:
    before_us = int(AS_OF.timestamp()) * 1_000_000

    assert spark.clock(running, SHOP, before_us=before_us) == engine.clock(
        duck, SHOP, before_us=before_us
    )


def test_needs_a_cutoff(running: SparkSession) -> None:
    with pytest.raises(DataError, match="at least one cut-off"):
        spark.feature_frame(running, cutoffs=[])


def test_no_events_give_an_empty_frame(running: SparkSession, shop: Path) -> None:
    spark.register(running, {"events": [EVENTS.empty_table()], "items": [ITEMS.empty_table()]})
    try:
        frame = spark.feature_frame(
            running, cutoffs=[datetime(2024, 1, 1, tzinfo=UTC)], features=PROPENSITY[:3]
        )
    finally:
        spark.register(running, {name: [shop / f"{name}.parquet"] for name in SOURCES})

    assert frame.empty
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [
        "customer_id",
        "cutoff_us",
        *(one.name for one in PROPENSITY[:3]),
    ]


def test_says_what_to_install_without_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    with pytest.raises(ConfigError, match=r"pip install 'sendwise\[spark\]'"), spark.session():
        pass


def test_says_what_to_install_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(ConfigError, match=r"Java 17: there is none in JAVA_HOME"), spark.session():
        pass


def test_an_old_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(ConfigError, match=r"says 8\. Install Java 17"), spark.session():
        pass
