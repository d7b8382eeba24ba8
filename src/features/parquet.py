"""Features of one instant on disk: Parquet with a manifest, which appear whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core import columns as c
from core.clock import to_us
from core.files import new_folder, scratch_folder
from core.ids import digest
from features.batch import Batch
from features.engine import Progress, clock, computed
from features.families import Who
from features.feature import Feature, definitions_digest
from features.shop import Shop
from ingest.mapping import literal

MEMORY: Final = "3GB"  # what the engine may hold; sorting and grouping go on on disk
# Writes a batch's rows of some customers (None: of all), in any order, to a Parquet file.
Writer = Callable[[Batch, Path, Sequence[str] | None], None]
_TABLE: Final = "features.parquet"
_MANIFEST: Final = "manifest.json"


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
    with computed(connection, batch, progress=progress) as last:
        copied(connection, last, path, kept_of(connection, customers))


def kept_of(connection: duckdb.DuckDBPyConnection, customers: Sequence[str] | None) -> str:
    """Return what leaves of a query's rows those of some customers."""
    if customers is None:
        return ""
    connection.register("kept", pa.table({c.CUSTOMER_ID: pa.array(customers, pa.string())}))
    return "SEMI JOIN kept USING (customer_id)"


def copied(connection: duckdb.DuckDBPyConnection, query: str, path: Path, kept: str) -> None:
    """Write a query's rows, those that are kept, in any order."""
    rows = f"SELECT * FROM ({query}) {kept}" if kept else query  # noqa: S608  # ours
    connection.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet)")


def _bounded(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Keep memory flat in the number of rows: what does not fit goes to disk, and then goes."""
    connection.execute(f"SET temp_directory = {literal(str(scratch))}")
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
