from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from core.clock import DAY_US
from core.errors import NotReadyError
from ingest import contract
from ingest.book import day_name, events_before, mark, part, unbooked, version
from ingest.lake import connect
from tests.ingest.shop import EVENTS, HEADER, PRODUCTS, Shop, files, seen, write


@pytest.mark.parametrize(
    ("generation", "number", "name"),
    [
        pytest.param(0, 3, "part-0003.parquet", id="first-generation"),
        pytest.param(2, 0, "part-0002-0000.parquet", id="written-anew-twice"),
    ],
)
def test_names_of_files_tell_generations_apart(generation: int, number: int, name: str) -> None:
    assert part(generation, number) == name


def test_days_count_from_1970() -> None:
    assert day_name(19_753) == "day=2024-01-31"


def test_every_whole_table_has_a_mark_of_its_own() -> None:
    assert mark("catalogue") != mark("customers")


def test_without_a_log_the_newest_generation_and_version_count(tmp_path: Path) -> None:
    day = tmp_path / "events" / "day=2024-01-31"
    day.mkdir(parents=True)
    for generation, number in ((0, 0), (9, 0), (10, 0), (10, 1)):
        (day / part(generation, number)).touch()
    for number in (9, 10):
        version(tmp_path, "catalogue", number).touch()
    (tmp_path / "customers.parquet").touch()  # by hand, without a version

    assert unbooked(tmp_path) == {
        "events": [day / part(10, 0), day / part(10, 1)],
        "items": [],
        "catalogue": [version(tmp_path, "catalogue", 10)],
        "customers": [tmp_path / "customers.parquet"],
        "consents": [],
    }


def test_an_open_reader_sees_the_lake_of_one_moment_while_a_day_is_written_anew(
    shop: Shop,
) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    write(shop)
    reader = connect(shop.home)
    tables = [f"SELECT * FROM {name} ORDER BY ALL" for name in ("events", "items", "catalogue")]  # noqa: S608
    before = [reader.execute(sql).fetchall() for sql in tables]
    late = HEADER + "A1,3,2024-01-31 23:30:00,ann,jam,1,2.00\n"
    shop.take(events=late, products=PRODUCTS.replace("Mug", "Cup"))

    write(shop)

    assert [reader.execute(sql).fetchall() for sql in tables] == before
    reader.close()
    assert len(seen(shop)) == len(before[1]) + 1


def revise(shop: Shop) -> None:
    """Write the lake, then a day of it and the catalogue anew."""
    shop.take(events=EVENTS, products=PRODUCTS)
    write(shop)
    shop.take(
        events=HEADER + "A1,3,2024-01-31 23:30:00,ann,jam,1,2.00\n",
        products=PRODUCTS.replace("Mug", "Cup"),
    )
    write(shop)


def test_what_was_replaced_goes_with_the_next_export(shop: Shop) -> None:
    revise(shop)
    before = seen(shop)
    write(shop)

    assert files(shop)["day=2024-01-31"] == ["part-0001-0000.parquet"]
    assert [path.name for path in (shop.home / "lake").glob("cat*")] == ["catalogue-2.parquet"]
    assert seen(shop) == before


def test_a_lost_file_is_named_and_the_next_export_writes_it_anew(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    write(shop)
    before = seen(shop)
    day = "items/day=2024-01-31/part-0000.parquet"
    for name in (day, "catalogue-1.parquet"):
        (shop.home / "lake" / name).unlink()
        with pytest.raises(NotReadyError, match=rf"{name} is missing .* `sendwise import` again"):
            connect(shop.home)

        write(shop)

        assert seen(shop) == before


def test_a_lake_without_a_log_counts_no_replaced_file(shop: Shop) -> None:
    revise(shop)
    before = seen(shop)
    (shop.home / "events.db").unlink()

    assert seen(shop) == before
    connection = connect(shop.home)
    names = connection.execute("SELECT name FROM catalogue ORDER BY name").fetchall()
    connection.close()
    assert names == [("Cup",), ("Green tea",)]


def _row(ident: str, at_us: int) -> dict[str, object]:
    return {
        "event_id": ident,
        "customer_id": "ann",
        "event": contract.ORDER_COMPLETED,
        "ts_us": at_us,
    }


def test_events_before_an_instant_are_told_from_files_and_open_rows() -> None:
    at_us = 10 * DAY_US
    files = [Path(f"lake/events/{day_name(day)}/part-0000.parquet") for day in (8, 9, 10)]

    def told(files: list[Path], *rows: dict[str, object]) -> str:
        return events_before([*files, pa.Table.from_pylist([*rows], schema=contract.EVENTS)], at_us)

    as_ever = told(files[:2])
    assert told(files) == as_ever  # the day of the instant is the future
    assert told(files[:2], _row("late", at_us)) == as_ever
    assert told(files[1::-1]) == as_ever
    assert told(files[:1]) != as_ever
    assert told([*files[:2], files[0].with_name("part-0001.parquet")]) != as_ever
    assert told(files[:2], _row("late", at_us - 1)) != as_ever
