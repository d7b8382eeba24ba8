from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from ingest.damage import refuse_cut_off, refuse_unreadable
from ingest.lake import connect, refuse_damaged
from tests.ingest.shop import EVENTS, Shop, seen, write

Harm = Callable[[bytes], bytes]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two whole files, one of them without a row."""
    for name, numbers in {"a": list(range(9_999)), "b": []}.items():
        table = pa.table({"number": pa.array(numbers, pa.int64())})
        pq.write_table(table, tmp_path / f"{name}.parquet", compression="zstd")
    return sorted(tmp_path.iterdir())


def test_whole_files_are_let_pass(files: list[Path]) -> None:
    refuse_cut_off(files, has_log=True)
    refuse_unreadable(files, has_log=True)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda whole: whole[:-1], id="last-byte-lost"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="cut-in-half"),
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"PAR1", id="next-to-nothing"),
        pytest.param(lambda whole: b"not what it was " * 99, id="garbage"),
        pytest.param(lambda whole: whole[-20:], id="beginning-lost"),
    ],
)
def test_a_file_that_does_not_end_as_it_should_is_named(files: list[Path], harm: Harm) -> None:
    files[1].write_bytes(harm(files[1].read_bytes()))

    with pytest.raises(DataError, match=r"b\.parquet is damaged: does not end .* import` again"):
        refuse_cut_off(files, has_log=True)


def test_garbage_within_a_file_is_found_by_reading_it(files: list[Path]) -> None:
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:4] + b"\xff" * 500 + whole[504:])

    refuse_cut_off(files, has_log=True)
    with pytest.raises(DataError, match=r"a\.parquet is damaged: ") as caught:
        refuse_unreadable(files, has_log=True)

    assert "\n" not in str(caught.value)


def test_without_a_log_there_is_nothing_to_write_it_anew_from(files: list[Path]) -> None:
    files[0].write_bytes(b"")

    with pytest.raises(DataError, match=r"There is no log .* from a copy"):
        refuse_cut_off(files, has_log=False)


@pytest.mark.parametrize("content", [b"", b"no parquet at all", b"cut off"])
def test_a_damaged_file_is_named_and_an_export_without_it_writes_it_anew(
    shop: Shop, content: bytes
) -> None:
    shop.take(events=EVENTS)
    write(shop)
    before = seen(shop)
    file = shop.home / "lake" / "items" / "day=2024-01-31" / "part-0000.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-50] if content == b"cut off" else content)

    with pytest.raises(DataError, match=r"day=2024-01-31/part-0000\.parquet is damaged.* Remove"):
        connect(shop.home)
    file.unlink()
    write(shop)

    assert seen(shop) == before


def test_damage_within_a_file_is_found_when_asked_for(shop: Shop) -> None:
    shop.take(events=EVENTS)
    write(shop)
    refuse_damaged(shop.home)
    file = shop.home / "lake" / "events" / "day=2024-01-31" / "part-0000.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + b"\xff" * 100 + whole[104:])

    connect(shop.home).close()
    with pytest.raises(DataError, match=r"events/day=2024-01-31/.* is damaged"):
        refuse_damaged(shop.home)
