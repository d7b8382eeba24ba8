from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from profiles.filling import fill
from profiles.products import Item
from profiles.profile import Profile


def people(count: int) -> Iterator[Profile]:
    for number in range(count):
        yield Profile(f"c{number}", outputs={"score": number / 2 if number else 1})


def test_every_customer_is_written_whatever_the_batches(tmp_path: Path) -> None:
    assert fill(tmp_path, people(4_001), outputs=("score",), schema=None) == 4_001

    scores = pq.read_table(tmp_path / "scores.parquet")
    assert scores.num_rows == 4_001
    assert scores.schema.field("score").type == pa.float64()


def test_types_are_those_that_were_given(tmp_path: Path) -> None:
    schema = pa.schema([("score", pa.float32())])

    fill(tmp_path, people(2), outputs=("score",), schema=schema)

    assert pq.read_schema(tmp_path / "scores.parquet").field("score").type == pa.float32()


def test_a_product_that_comes_twice_is_refused(tmp_path: Path) -> None:
    twice = [Item("tea", "drinks", 350, has_image=True, score=2.0, reason="sells")] * 2

    with pytest.raises(DataError, match="product_id"):
        fill(tmp_path, people(2), outputs=("score",), schema=None, items=twice)


def test_a_snapshot_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no customers"):
        fill(tmp_path, [], outputs=("score",), schema=None)


def test_a_value_that_does_not_fit_its_column_is_refused(tmp_path: Path) -> None:
    odd = [Profile("ann", outputs={"score": 1.0}), Profile("bob", outputs={"score": "high"})]

    with pytest.raises(DataError):
        fill(tmp_path, odd, outputs=("score",), schema=pa.schema([("score", pa.float64())]))
