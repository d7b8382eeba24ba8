"""Runs the batch of features: on DuckDB, into a frame or into Parquet with a manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core import columns as c
from core.clock import to_us
from core.errors import DataError
from core.files import new_folder, scratch_folder
from core.ids import digest
from features.batch import Batch
from features.columns import Clock
from features.feature import Feature, definitions_digest, facts_of
from features.groupings import Who
from features.registry import PROPENSITY
from features.shop import Shop

MEMORY: Final = "3GB"  # what the engine may hold; sorting and grouping go on on disk
Progress = Callable[[str, int, int], None]
# Writes a batch's rows of some customers (None: of all), by customer, to a Parquet file.
Writer = Callable[[Batch, Path, Sequence[str] | None], None]
_TABLE: Final = "features.parquet"
_MANIFEST: Final = "manifest.json"


def feature_frame(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Sequence[datetime],
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
    who: Who = "bought",
) -> pd.DataFrame:
    """Compute features of all customers as of each cut-off, from events strictly before it.

    Args:
        connection: A database with the lake's views `events` and `items`.
        cutoffs: Timezone-aware instants, in any order; repeats count once.
        features: Which features, in the order of the columns.
        shop: Time zone and currency rates; the default is UTC and one currency.
        who: Has a row for a cut-off: who completed an order before it, or who was seen at all.

    Returns:
        One row per cut-off and customer: `customer_id` (str), `cutoff_us`, then each feature,
        float64 or text, without gaps (undefined values are the feature's default). Sorted by
        cut-off, then customer; the same input gives the same bits.

    Raises:
        DataError: No cut-off, or orders in a currency without a rate.
        ConfigError: A cut-off is naive.
    """
    instants = sorted({to_us(cutoff) for cutoff in cutoffs})
    if not instants:
        raise DataError("features need at least one cut-off, got none.")
    batch = Batch(
        features=tuple(features),
        cutoffs=tuple(instants),
        clock=clock(connection, shop or Shop(), before_us=instants[-1]),
        who=who,
    )
    with _computed(connection, batch) as last:
        frame = connection.execute(f"{last} ORDER BY cutoff_us, customer_id").df()
    types = {one.name: "float64" if one.dtype == "float64" else object for one in features}
    return frame.astype({c.CUSTOMER_ID: object, c.CUTOFF_US: "int64", **types})


def shop_facts(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: datetime,
    features: Sequence[Feature],
    shop: Shop | None = None,
    who: Who = "bought",
) -> tuple[float | None, ...]:
    """Return what `features` need to know of the shop's customers, in order of `facts_of`.

    Shop-wide means and borders between fifths, as of an instant: a stream reads with them what
    the batch of that instant computes.
    """
    if not facts_of(features):
        return ()
    at_us = to_us(as_of)
    batch = Batch(
        features=tuple(features),
        cutoffs=(at_us,),
        clock=clock(connection, shop or Shop(), before_us=at_us),
        who=who,
    )
    with _computed(connection, batch, last="facts") as last:
        return tuple(connection.execute(last).fetchall()[0])


@contextmanager
def _computed(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    *,
    last: str = "features",
    progress: Progress | None = None,
) -> Iterator[str]:
    """Compute all steps before the last as temporary tables, and give the query of the last.

    One statement of all steps would hold them all in memory at once; tables can go to disk.
    """
    steps = batch.steps()
    before = [*takewhile(lambda name: name != last, steps)]
    try:
        for number, name in enumerate(before):
            (progress or (lambda *_: None))(name, number, len(before) + 1)
            connection.execute(f"CREATE TEMP TABLE {name} AS {steps[name]}")
        yield steps[last]
    finally:
        for name in before:
            connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def clock(connection: duckdb.DuckDBPyConnection, shop: Shop, *, before_us: int) -> Clock:
    """Return what SQL needs of the shop for the events before an instant.

    Raises:
        DataError: There are events in a currency without a rate.
    """
    found = connection.execute(
        "SELECT CASE WHEN value_minor IS NOT NULL THEN currency END, min(ts_us) FROM events"
        " WHERE ts_us < $1 GROUP BY 1 ORDER BY 1",
        [before_us],
    ).fetchall()
    first_us = min((int(row[1]) for row in found), default=before_us)
    used = [str(row[0]) for row in found if row[0] is not None]
    return Clock(
        shop=shop,
        factors=tuple(shop.factors(used).items()),
        changes=tuple(shop.clock_changes(first_us, before_us)),
    )


def content_digest(frame: pd.DataFrame) -> str:
    """Return a hash of a frame's columns and values; the order of rows counts."""
    hashed = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    weighted = hashed * (2 * np.arange(len(hashed), dtype=np.uint64) + 1)
    return digest(list(frame.columns), len(frame), int(hashed.sum()), int(weighted.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFiles:
    """Features of one instant on disk: `features.parquet` and `manifest.json` in `folder`."""

    folder: Path
    manifest: dict[str, object]
    is_new: bool

    @property
    def parquet(self) -> Path:
        """The table, one row per customer."""
        return self.folder / _TABLE


def features_to_parquet(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    *,
    as_of: datetime,
    features: Sequence[Feature],
    event_range_us: tuple[int, int],
    shop: Shop | None = None,
    who: Who = "seen",
    customers: Sequence[str] | None = None,
    also: Mapping[str, object] | None = None,
    write: Writer | None = None,
    progress: Progress | None = None,
) -> FeatureFiles:
    """Compute features as of an instant into a folder below `root`, named after its content.

    Rows go from the engine to the file, never through Python. The folder appears whole, by a
    rename, or not at all; the same content is not kept twice, and what somebody has removed or
    damaged is written again.

    Args:
        connection: A database with the lake's views `events` and `items`.
        root: Where the folders of features are, e.g. `var/features`.
        as_of: The cut-off.
        features: Which features, in the order of the columns.
        event_range_us: First and last event that the features could see.
        shop: Time zone and currency rates; the default is UTC and one currency.
        who: Has a row: who completed an order before the cut-off, or who was seen at all.
        customers: Of these, who is kept; None: everybody.
        also: What the manifest is to say besides.
        write: Computes the rows and writes them, on another engine; None: DuckDB does.
        progress: Called with the step that begins, its number, and how many there are.
    """
    cutoff_us = to_us(as_of)
    batch = Batch(
        features=tuple(features),
        cutoffs=(cutoff_us,),
        clock=clock(connection, shop or Shop(), before_us=cutoff_us),
        who=who,
    )
    with scratch_folder(root) as scratch:
        _bounded(connection, scratch)
        table = scratch / _TABLE
        (write or partial(_copy, connection, progress))(batch, table, customers)
        content, rows = _content(connection, table)
        manifest = {
            "as_of": as_of.isoformat(),
            "cutoff_us": cutoff_us,
            "who": who,
            "definitions_digest": definitions_digest(features),
            "content_digest": content,
            "event_range_us": list(event_range_us),
            "rows": rows,
            "features": _described(features),
            **(also or {}),
        }
        return _kept(root / f"{as_of:%Y%m%dT%H%M%S}-{digest(manifest)}", manifest, table)


def _described(features: Sequence[Feature]) -> dict[str, dict[str, object]]:
    return {
        one.name: {"unit": one.unit, "description": one.description, "default": one.default}
        for one in features
    }


def _kept(folder: Path, manifest: dict[str, object], table: Path) -> FeatureFiles:
    """Move a table into its folder, with its manifest, unless it is there already."""
    is_new = not _is_whole(folder, manifest)
    if is_new:
        with new_folder(folder) as inside:
            table.rename(inside / _TABLE)
            text = json.dumps(manifest, indent=1) + "\n"
            (inside / _MANIFEST).write_text(text, encoding="utf-8")
    return FeatureFiles(folder=folder, manifest=manifest, is_new=is_new)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    progress: Progress | None,
    batch: Batch,
    path: Path,
    customers: Sequence[str] | None,
) -> None:
    kept, target = "", str(path).replace("'", "''")
    if customers is not None:
        connection.register("kept", pa.table({c.CUSTOMER_ID: pa.array(customers, pa.string())}))
        kept = "SEMI JOIN kept USING (customer_id)"
    with _computed(connection, batch, progress=progress) as last:
        connection.execute(
            f"COPY (SELECT * FROM ({last}) {kept} ORDER BY customer_id)"  # noqa: S608  # ours
            f" TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )


def _bounded(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Keep memory flat in the number of rows: what does not fit goes to disk, and then goes."""
    folder = str(scratch).replace("'", "''")
    connection.execute(f"SET temp_directory = '{folder}'")
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute("SET preserve_insertion_order = false")


def _content(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, int]:
    """Return a hash of a file's rows, whatever their order, and their number."""
    found = connection.execute(
        "SELECT count(*), sum(CAST(hash(t) AS HUGEINT)) FROM read_parquet($1) AS t", [str(path)]
    ).fetchall()
    return digest([str(value) for value in found[0]]), int(found[0][0])


def _is_whole(folder: Path, manifest: Mapping[str, object]) -> bool:
    """Say whether a folder of this content is there with all that belongs into it."""
    try:
        kept = json.loads((folder / _MANIFEST).read_bytes())
        rows = pq.read_metadata(folder / _TABLE).num_rows
    except (OSError, ValueError, pa.ArrowException):  # missing, or cut off
        return False
    return bool(kept == manifest and rows == manifest["rows"])
