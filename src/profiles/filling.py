"""The tables of a snapshot: written batch by batch, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import DataError
from profiles.products import TABLES, Item, put
from profiles.profile import LISTS, Profile, lists_table, pack, scores_table

_BATCH: Final = 2_000  # profiles held in memory while writing


def fill(
    folder: Path,
    profiles: Iterable[Profile],
    *,
    outputs: Sequence[str],
    schema: pa.Schema | None,
    items: Iterable[Item] = (),
) -> int:
    """Write serving.db, lists.parquet and scores.parquet, and return how many customers.

    Args:
        folder: Where to write; nobody reads there yet.
        profiles: Every customer once, in any order.
        outputs: Names of the outputs that profiles may have.
        schema: Types of scores.parquet. None: those of the first batch.
        items: Every product once, what sells best first.

    Raises:
        DataError: A customer or product comes twice, a value does not fit its column, or nobody
            is there.
    """
    batches = _batches(profiles)
    first = next(batches, None)
    if first is None:
        raise DataError("it has no customers. Import orders before scoring.")
    count = 0
    try:
        columns = scores_table(first, outputs, schema).schema
        with (
            closing(_store(folder / "serving.db")) as store,
            pq.ParquetWriter(folder / "lists.parquet", LISTS, compression="zstd") as lists,
            pq.ParquetWriter(folder / "scores.parquet", columns, compression="zstd") as scores,
        ):
            for batch in chain([first], batches):
                rows = ((each.customer_id, pack(each)) for each in batch)
                store.executemany("INSERT INTO profile VALUES (?, ?)", rows)
                lists.write_table(lists_table(batch))
                scores.write_table(scores_table(batch, outputs, columns))
                count += len(batch)
            put(store, items)
            store.commit()
    except (sqlite3.IntegrityError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(str(error)) from None
    return count


def _store(path: Path) -> sqlite3.Connection:
    store = sqlite3.connect(path)
    # Nobody sees the file before it is whole: no journal, one sync at the end.
    store.executescript(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
        "CREATE TABLE profile (customer_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL);" + TABLES
    )
    return store


def _batches(profiles: Iterable[Profile]) -> Iterator[list[Profile]]:
    stream = iter(profiles)
    while batch := list(islice(stream, _BATCH)):
        yield batch
