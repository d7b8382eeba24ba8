"""Parquet files of a workspace: a part for each day, and whole tables written bit by bit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import DAY_US
from ingest.book import day_name, part
from simulator.arrays import Ints

# How columns are written decides how fast we are. Instants that ascend are small steps, money and
# counts repeat, and references to a vocabulary are dense already: none of them needs a codec.
_STEPS: Final = ("ts_us", "received_us")
_REPEATED: Final = ("position", "quantity", "price_minor", "discount_minor", "revenue_minor")
_LONG: Final = ("url", "product_id")  # vocabularies that are worth a codec in each file
_SKIPPED_BY: Final = ("ts_us", "received_us")  # of ids, least and greatest would only cost time
_CODEC: Final = "snappy"


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table to a file; texts that refer to a vocabulary come back as texts."""
    with writer(path, table.schema) as file:
        file.write_table(table)


def write_all(tables: Iterable[pa.Table], path: Path) -> int:
    """Write tables to one file, one after the other; return the number of rows."""
    rows, file = 0, None
    try:
        for table in tables:
            file = file or writer(path, table.schema)
            file.write_table(table)
            rows += len(table)
    finally:
        if file:
            file.close()
    return rows


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet file to be written bit by bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = {
        field.name
        for field in schema
        if pa.types.is_dictionary(field.type) or field.name in _REPEATED
    }
    dense = coded.union(_STEPS).difference(_LONG)
    return pq.ParquetWriter(
        path,
        schema,
        compression={name: "none" if name in dense else _CODEC for name in schema.names},
        store_schema=False,  # a vocabulary is how we write, not what a reader gets
        use_dictionary=sorted(coded),
        column_encoding={name: "DELTA_BINARY_PACKED" for name in _STEPS if name in schema.names},
        write_statistics=[name for name in _SKIPPED_BY if name in schema.names],
    )


def write_days(folder: Path, table: pa.Table, instants: Ints, days: range) -> None:
    """Write a table by the days of its instants, which ascend; a day without a row has no file."""
    edges = np.arange(days.start, days.stop + 1) * DAY_US
    for day, (start, end) in zip(days, pairwise(np.searchsorted(instants, edges)), strict=True):
        if end > start:
            write_table(table.slice(start, end - start), folder / day_name(day) / part(0, 0))
