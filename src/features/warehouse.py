"""The batch of features as a statement to run elsewhere: in a warehouse that holds the events."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from core.clock import from_us
from core.errors import ConfigError
from features.batch import DIALECTS, TABLES_READ, Batch, sql
from features.feature import definitions_digest
from ingest.contract import TABLES

# BigQuery has no split_part; the others do.
_SPLIT_PART: Final = (
    "CREATE TEMP FUNCTION split_part(text STRING, mark STRING, part INT64) AS (\n"
    "  IFNULL(SPLIT(text, mark)[SAFE_ORDINAL(part)], IF(text IS NULL, NULL, ''))\n);\n"
)


def statement(batch: Batch, dialect: str) -> str:
    """Return one statement of a dialect that computes a batch of one cut-off, with a header.

    Run on DuckDB, PostgreSQL 15 and Spark 4, where the tests compare the rows. For Snowflake and
    BigQuery it is compiled, and parsed again, only: nobody has run it there.

    Raises:
        ConfigError: The dialect is none of `batch.DIALECTS`, or there are several cut-offs.
    """
    if dialect not in DIALECTS:
        raise ConfigError(f"features can be printed for {', '.join(DIALECTS)}; got {dialect!r}.")
    if batch.at_us is None:
        raise ConfigError(
            f"a statement is for one cut-off, got {len(batch.cutoffs)}: print one for each."
        )
    query = sql(batch, dialect)
    if dialect == "postgres":
        query = query.replace("WITH ", f"WITH {_in_c_collation()}", 1)
    before = _SPLIT_PART if dialect == "bigquery" else ""
    return f"{_header(batch, batch.at_us, dialect)}{before}{query}\n"


def _header(batch: Batch, at_us: int, dialect: str) -> str:
    lines = [
        f"sendwise: {len(batch.features)} features of customers, for {dialect}",
        f"as of {from_us(at_us).isoformat()}, a row for who {_WHO[batch.who]} before it",
        f"definitions {definitions_digest(batch.features)}",
        "shop's clock " + batch.clock.shop.timezone + _rates(batch),
        "reads these tables; where your tables differ, make views:",
        *(f"  {name}({', '.join(TABLES[name].names)})" for name in TABLES_READ),
    ]
    return "".join(f"-- {line}\n" for line in lines)


_WHO: Final = {"bought": "completed an order", "seen": "did anything"}


def _rates(batch: Batch) -> str:
    factors = [f"{name} {factor:g}" for name, factor in batch.clock.factors]
    return f"; minor units of the base currency for one of: {', '.join(factors)}" if factors else ""


def _in_c_collation() -> str:
    """Return the tables with texts in order of code points: ties break as on other engines."""
    views = []
    for name in TABLES_READ:
        columns = [
            f'"{each.name}" COLLATE "C" AS "{each.name}"'
            if each.type == pa.string()
            else f'"{each.name}"'
            for each in TABLES[name]
        ]
        views.append(f"{name} AS NOT MATERIALIZED (\nSELECT {', '.join(columns)} FROM {name}\n),\n")
    return "".join(views)
