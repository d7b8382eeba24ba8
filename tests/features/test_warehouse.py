from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Hashable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pandas as pd
import pytest
import sqlglot

from core.clock import to_us
from core.errors import ConfigError
from features import engine
from features.batch import DIALECTS, TABLES_READ, Batch
from features.columns import Clock
from features.registry import REGISTRY
from features.warehouse import statement
from ingest.contract import TABLES
from tests.simulated_shop import AS_OF, SHOP, assert_same, write_shop

AT = AS_OF - timedelta(days=9, hours=11)
TYPES = {"string": 'text COLLATE "en-x-icu"', "int64": "bigint", "bool": "boolean"}
Psql = Callable[[str], str]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def duck(shop: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with write_shop(shop) as connection:
        yield connection


@pytest.fixture(scope="module")
def postgres() -> Iterator[Psql]:
    """Give a function that runs SQL in a schema of its own on the local server."""
    schema = f"sendwise_{uuid4().hex}"
    local = {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGDATABASE": "test"}
    to = {
        **local,
        **os.environ,
        "PGCONNECT_TIMEOUT": "3",
        "PGOPTIONS": f"-c search_path={schema} -c jit=off",
    }

    def run(text: str) -> str:
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            command, input=text, env=to, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    if shutil.which("psql") is None:
        pytest.skip("there is no psql here")
    try:
        run(f"CREATE SCHEMA {schema};")
    except RuntimeError as error:
        pytest.skip(f"PostgreSQL does not answer: {error}")
    yield run
    run(f"SET client_min_messages = error; DROP SCHEMA {schema} CASCADE;")


def batch(clock: Clock) -> Batch:
    return Batch(features=REGISTRY, cutoffs=(to_us(AT),), clock=clock, who="seen")


def test_every_feature_is_the_same_on_postgres(
    postgres: Psql, duck: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """In a database whose texts are ordered as in a dictionary: ties break as elsewhere."""
    for name in TABLES_READ:
        columns = ", ".join(f'"{each.name}" {TYPES[str(each.type)]}' for each in TABLES[name])
        path = tmp_path / f"{name}.csv"
        duck.execute(f"COPY (FROM {name}) TO '{path}' (FORMAT csv, HEADER false)")
        postgres(f"CREATE TABLE {name} ({columns});\n\\copy {name} FROM '{path}' csv\n")
    query = statement(batch(engine.clock(duck, SHOP, before_us=to_us(AT))), "postgres")

    postgres(
        f"ANALYZE events, items, customers;\nCREATE TEMP TABLE found AS {query};\n"
        f"\\copy found TO '{tmp_path}/found.csv' csv header\n"
    )

    expected = engine.feature_frame(duck, cutoffs=[AT], features=REGISTRY, shop=SHOP, who="seen")
    texts: dict[Hashable, type[str]] = {
        name: str for name in expected.columns if expected[name].dtype == object
    }
    got = pd.read_csv(
        tmp_path / "found.csv", dtype=texts, keep_default_na=False, float_precision="round_trip"
    )
    assert_same(got.sort_values("customer_id", ignore_index=True), expected)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_prints_what_its_own_grammar_reads(dialect: str) -> None:
    printed = statement(batch(Clock(shop=SHOP, factors=(("EUR", 1.0), ("USD", 0.9137)))), dialect)

    statements = sqlglot.parse(printed, dialect=dialect)

    assert isinstance(statements[-1], sqlglot.exp.Select)
    assert statements[-1].named_selects == [
        "customer_id",
        "cutoff_us",
        *(one.name for one in REGISTRY),
    ]
    assert len(statements) == (2 if dialect == "bigquery" else 1)


def test_the_header_says_what_it_is() -> None:
    printed = statement(batch(Clock(shop=SHOP, factors=(("USD", 0.9137),))), "snowflake")

    lines = [line for line in printed.splitlines() if line.startswith("--")]
    assert lines[0] == f"-- sendwise: {len(REGISTRY)} features of customers, for snowflake"
    assert lines[1] == f"-- as of {AT.isoformat()}, a row for who did anything before it"
    assert "USD 0.9137" in lines[3]
    assert lines[-1].startswith("--   customers(customer_id, ")


def test_a_statement_is_for_one_cutoff_and_a_known_dialect() -> None:
    clock = Clock(shop=SHOP)

    with pytest.raises(ConfigError, match="printed for duckdb, snowflake"):
        statement(batch(clock), "oracle")
    with pytest.raises(ConfigError, match="one cut-off, got 2"):
        statement(Batch(features=REGISTRY, cutoffs=(1, 2), clock=clock), "snowflake")
