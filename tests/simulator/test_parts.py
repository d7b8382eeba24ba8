from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.clock import DAY_US
from simulator.parts import write_all, write_days, write_table

WORDS = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None], pa.int8()), pa.array(["a", "b"]))
TABLE = pa.table(
    {"ts_us": [1, 2, DAY_US, 3 * DAY_US], "event": WORDS, "price_minor": [5, None, 5, 7]}
)


def test_what_refers_to_a_vocabulary_comes_back_as_text(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "new" / "file.parquet")

    back = pq.read_table(tmp_path / "new" / "file.parquet")

    assert back.schema.field("event").type == pa.string()
    assert back.to_pylist() == TABLE.to_pylist()


def test_a_file_for_each_day_that_has_rows(tmp_path: Path) -> None:
    write_days(tmp_path, TABLE, TABLE["ts_us"].to_numpy(), range(4))

    files = {file.parent.name: pq.ParquetFile(file) for file in tmp_path.glob("*/*")}
    assert {name: file.metadata.num_rows for name, file in files.items()} == {
        "day=1970-01-01": 2,
        "day=1970-01-02": 1,
        "day=1970-01-04": 1,
    }
    assert all(path.name == "part-0000.parquet" for path in tmp_path.glob("*/*"))


def test_readers_can_skip_by_time(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "file.parquet")

    group = pq.ParquetFile(tmp_path / "file.parquet").metadata.row_group(0)

    assert (group.column(0).statistics.min, group.column(0).statistics.max) == (1, 3 * DAY_US)


def test_tables_follow_each_other_in_one_file(tmp_path: Path) -> None:
    rows = write_all((TABLE.slice(n, 2) for n in (0, 2)), tmp_path / "all.parquet")

    assert rows == 4
    assert pq.read_table(tmp_path / "all.parquet").to_pylist() == TABLE.to_pylist()


def test_a_file_is_closed_where_its_tables_fail(tmp_path: Path) -> None:
    def tables() -> object:
        yield TABLE
        raise OSError(np.pi)

    with pytest.raises(OSError, match="3"):
        write_all(tables(), tmp_path / "half.parquet")  # type: ignore[arg-type]  # a generator

    assert pq.read_metadata(tmp_path / "half.parquet").num_rows == 4
