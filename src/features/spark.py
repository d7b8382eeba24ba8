"""Runs the batch of features on Spark: the same steps as on DuckDB, one view after the other.

The steps are printed in Databricks' dialect, which is Spark's SQL and, unlike Ibis' own "pyspark",
needs no session to print. Each step's rows are kept before the next is planned: as one statement
Spark would plan all of them anew wherever one is read, which takes it minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import pandas as pd
import pyarrow as pa

from core import columns as c
from core.errors import ConfigError, UnavailableError
from features.batch import Batch, instants_of
from features.columns import Clock
from features.engine import as_frame
from features.families import Who
from features.feature import Feature
from features.registry import PROPENSITY
from features.shop import Shop
from ingest.contract import TABLES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOCAL: Final = "local[2]"
Part: TypeAlias = Path | str | pa.Table  # a Parquet file or folder, or rows
_DIALECT: Final = "databricks"
_JAVA: Final = 17
_TYPES: Final = {"string": "STRING", "int64": "BIGINT", "bool": "BOOLEAN"}
_LOGGING: Final = Path(__file__).with_name("log4j2.properties")
_QUIET: Final = {
    "spark.driver.defaultJavaOptions": f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
# A day is a file: listing a year of them as a job of their own takes longer than reading them.
_HERE: Final = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}


@contextmanager
def session(
    master: str = LOCAL, options: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """Start Spark, and stop it at the end.

    Args:
        master: `local[N]`, N threads in a process of this machine, or a cluster's address.
        options: Spark's own settings, by name, which win over those given here.

    Raises:
        ConfigError: There is no PySpark, or no Java for it.
        UnavailableError: Spark does not start, or the cluster does not answer.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError(
            "features on Spark need PySpark, which is not installed here. Run `pip install"
            f" 'sendwise[spark]'`, and have Java {_JAVA}; or set features_engine: duckdb."
        ) from error
    _check_java()
    local = _HERE if master.startswith("local") else {}
    builder = SparkSession.builder.master(master).appName("sendwise features")
    for name, value in (_QUIET | local | dict(options or {})).items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:  # py4j's, which says all that Java knows
        raise UnavailableError(
            f"Spark at {master} does not start: {_first_line(error)} Check the address"
            f" (`spark_master`) and that `java -version` says {_JAVA} or later."
        ) from error
    try:
        yield spark
    finally:
        spark.stop()


def register(spark: SparkSession, tables: Mapping[str, Sequence[Part]]) -> None:
    """Make the views `events` and `items` of Parquet files and rows of the contract's tables."""
    for name, parts in tables.items():
        schema = TABLES[name]
        types = ", ".join(f"`{field.name}` {_TYPES[str(field.type)]}" for field in schema)
        paths = [str(part) for part in parts if not isinstance(part, pa.Table)]
        found = [
            spark.createDataFrame(part.select(schema.names).cast(schema))
            for part in parts
            if isinstance(part, pa.Table) and len(part)
        ]
        if paths:
            found.append(spark.read.schema(types).parquet(*paths).select(*schema.names))
        rows = reduce(lambda one, other: one.union(other), found) if found else None
        view = spark.createDataFrame([], types) if rows is None else rows
        view.createOrReplaceTempView(name)


def feature_frame(
    spark: SparkSession,
    *,
    cutoffs: Sequence[datetime],
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
    who: Who = "bought",
) -> pd.DataFrame:
    """Compute on Spark what `features.engine.feature_frame` computes on DuckDB.

    Args:
        spark: A session with the views `events` and `items` (see `register`).
        cutoffs: Timezone-aware instants, in any order; repeats count once.
        features: Which features, in the order of the columns.
        shop: Time zone and currency rates; the default is UTC and one currency.
        who: Has a row for a cut-off: who completed an order before it, or who was seen at all.

    Returns:
        The same frame; numbers differ from DuckDB's in the last digits (below 1e-9 of them).

    Raises:
        DataError: No cut-off, or orders in a currency without a rate.
        ConfigError: A cut-off is naive.
    """
    instants = instants_of(cutoffs)
    batch = Batch(
        features=tuple(features),
        cutoffs=instants,
        clock=clock(spark, shop or Shop(), before_us=instants[-1]),
        who=who,
    )
    with feature_rows(spark, batch) as rows:
        table = rows.toArrow()
    order = [(c.CUTOFF_US, "ascending"), (c.CUSTOMER_ID, "ascending")]
    return as_frame(table.sort_by(order).to_pandas(), features)


@contextmanager
def feature_rows(spark: SparkSession, batch: Batch) -> Iterator[DataFrame]:
    """Give the features as rows on the cluster, in no order: to write them from there.

    The views of the steps are gone afterwards.
    """
    *steps, (_, last) = batch.steps(_DIALECT).items()
    try:
        for name, query in steps:
            spark.sql(query).localCheckpoint().createOrReplaceTempView(name)
        yield spark.sql(last)
    finally:
        for name, _ in steps:
            spark.catalog.dropTempView(name)


def features_to_file(
    spark: SparkSession, batch: Batch, path: Path, customers: Sequence[str] | None = None
) -> None:
    """Compute features of some customers (None: of all) into one Parquet file, in any order.

    The rows go from the cluster to the folder of `path`, never through this process: a cluster's
    workers must reach it under the same path.

    Raises:
        UnavailableError: Spark gives up on the way.
    """
    aside = path.with_name(f"{path.stem}-of-spark")
    try:
        with feature_rows(spark, batch) as everybody:
            rows = everybody
            if customers is not None:
                kept = pa.table({c.CUSTOMER_ID: pa.array(customers, pa.string())})
                rows = rows.join(spark.createDataFrame(kept), c.CUSTOMER_ID, "left_semi")
            rows.repartition(1).write.parquet(str(aside))
    except Exception as error:  # py4j's, which says all that Java knows
        raise UnavailableError(
            f"Spark stopped computing features: {_first_line(error)} Start it again, or set"
            " features_engine: duckdb."
        ) from error
    (part,) = aside.glob("part-*.parquet")
    part.rename(path)
    shutil.rmtree(aside)


def clock(spark: SparkSession, shop: Shop, *, before_us: int) -> Clock:
    """Return what SQL needs of the shop for the events before an instant.

    Raises:
        DataError: There are events in a currency without a rate.
    """
    found = spark.sql(
        "SELECT currency, min(ts_us) FROM events"
        " WHERE currency IS NOT NULL AND value_minor IS NOT NULL GROUP BY currency"
    ).collect()
    first = spark.sql("SELECT min(ts_us) FROM events").collect()[0][0]
    used = sorted(str(row[0]) for row in found if row[1] < before_us)
    first_us = before_us if first is None else min(int(first), before_us)
    return Clock(
        shop=shop,
        factors=tuple(shop.factors(used).items()),
        changes=tuple(shop.clock_changes(first_us, before_us)),
    )


def _check_java() -> None:
    """Refuse to start without a Java that Spark runs on."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    where = f"in JAVA_HOME ({home})" if home else "on the PATH, and JAVA_HOME is not set"
    advice = f"Install Java {_JAVA}, and set JAVA_HOME to its folder."
    if java is None:
        raise ConfigError(f"features on Spark need Java {_JAVA}: there is none {where}. {advice}")
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603  # the user's Java
    version = re.search(r'version "(?:1\.)?(\d+)', asked.stderr + asked.stdout)
    if version is None or int(version[1]) < _JAVA:
        said = version[1] if version else "no version"
        raise ConfigError(f"features on Spark need Java {_JAVA}: {java} says {said}. {advice}")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if ": " in line and "py4j" not in line), "")
    return (told or (lines or [type(error).__name__])[0]).rstrip(".")[:200] + "."
