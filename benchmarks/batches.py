"""What is timed of the batch: each takes a workspace and gives seconds, alone in its process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import duckdb
import pyarrow as pa

from benchmarks import peers
from benchmarks.chosen import AS_OF, BASE, COLUMNS, MONTHS, RICH, SHOP
from benchmarks.shops import events_in, opened
from core.clock import DAY, to_us
from features.batch import Batch, sql
from features.daily import Daily
from features.engine import clock
from features.feature import Feature
from features.parquet import MEMORY, features_to_parquet
from features.registry import REGISTRY

_SCAN: Final = f"SELECT {', '.join(f'max({name})' for name in COLUMNS)} FROM events"  # noqa: S608  # ours
Found = dict[str, float]


def seconds_of(work: Callable[[], object], times: int = 1) -> float:
    """Return how long work takes, the best of some times."""
    found = []
    for _ in range(times):
        started = perf_counter()
        work()
        found.append(perf_counter() - started)
    return min(found)


def base_against_scan(home: Path, times: int = 2) -> Found:
    """Time the base set, and reading the columns it needs and no more."""
    with opened(home) as connection:
        scan = seconds_of(lambda: connection.execute(_SCAN).fetchall(), times)
    return {"scan": scan, "base": min(_build(home, BASE)["seconds"] for _ in range(times))}


def _build(home: Path, features: Sequence[Feature]) -> Found:
    """Time writing features to Parquet, as `sendwise features` does, and forget them."""
    with TemporaryDirectory(dir=home) as folder:
        return _written(home, Path(folder), features)


def _written(
    home: Path,
    folder: Path,
    features: Sequence[Feature],
    *,
    as_of: datetime = AS_OF,
    state: Path | None = None,
) -> Found:
    """Time writing features to Parquet, from what is kept in `state` and keeping it, or not."""
    with opened(home) as connection:
        daily = state and Daily(connection=connection, folder=state, seen=lambda at_us: "")
        build = partial(
            features_to_parquet,
            connection,
            folder,
            as_of=as_of,
            features=features,
            event_range_us=(0, to_us(as_of)),
            shop=SHOP,
            who="seen",
            write=daily or None,
        )
        return {"events": events_in(connection), "seconds": seconds_of(build)}


def rich(home: Path) -> Found:
    """Time the base set with tastes, sessions and gaps."""
    return _build(home, RICH)


def registry(home: Path) -> Found:
    """Time every feature there is."""
    return _build(home, REGISTRY)


def one_more_day(home: Path) -> Found:
    """Time every feature from yesterday's daily build, and from all events."""
    with TemporaryDirectory(dir=home) as folder:
        root, state = Path(folder), Path(folder) / "state"
        _written(home, root, REGISTRY, as_of=AS_OF - DAY, state=state)
        day = _written(home, root, REGISTRY, state=state)["seconds"]
        return {"day": day, "full": _written(home, root, REGISTRY)["seconds"]}


def _query(connection: duckdb.DuckDBPyConnection, cutoffs: Sequence[datetime]) -> str:
    """Compile the base set: that is part of a call, so it is part of its time."""
    instants = tuple(to_us(cutoff) for cutoff in cutoffs)
    known = clock(connection, SHOP, before_us=instants[-1])
    return sql(Batch(features=BASE, cutoffs=instants, clock=known, who="seen"))


def cutoffs(home: Path) -> Found:
    """Time the base set as of twelve months in one call, and in a call for each."""
    with opened(home) as connection, TemporaryDirectory(dir=home) as folder:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET preserve_insertion_order = false")
        target = f"{folder}/features.parquet"

        def written(months: Sequence[datetime]) -> None:
            query = _query(connection, months)
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")

        together = seconds_of(partial(written, MONTHS))
        apart = sum(seconds_of(partial(written, [month])) for month in MONTHS)
    return {"together": together, "apart": apart}


def base_table(connection: duckdb.DuckDBPyConnection, as_of: datetime = AS_OF) -> pa.Table:
    """Compute the base set into memory as DuckDB likes it best: an Arrow table in any order."""
    connection.execute("SET preserve_insertion_order = false")
    return connection.sql(_query(connection, [as_of])).to_arrow_table()


def in_memory(home: Path) -> Found:
    """Time our base set into an Arrow table."""
    with opened(home) as connection:
        return {"seconds": seconds_of(lambda: base_table(connection), times=2)}


def in_plain_pandas(home: Path) -> Found:
    """Time the base set in pandas, into a frame, with texts as pandas reads them."""
    files = peers.event_files(home)
    return {"seconds": seconds_of(lambda: peers.with_pandas(files, AS_OF), times=2)}


def in_pandas(home: Path) -> Found:
    """Time the same with texts as categories, which is as fast as it gets there."""
    files, texts = peers.event_files(home), ("customer_id", "event")
    work = partial(peers.with_pandas, files, AS_OF, categories=texts)
    return {"seconds": seconds_of(work, times=2)}


def in_polars(home: Path) -> Found:
    """Time the base set in Polars, into a frame of its own."""
    files = peers.event_files(home)
    return {"seconds": seconds_of(lambda: peers.with_polars(files, AS_OF), times=2)}
