from __future__ import annotations

import gzip
import random
import tempfile

import duckdb
import pytest

from core.errors import ConfigError, DataError
from tests.ingest.shop import EVENTS, HEADER, MAPPING, Shop


def test_bytes_that_are_not_text_are_set_aside(shop: Shop) -> None:
    shop.take(events=EVENTS.encode() + b"C1,1,2024-01-01,\xe9ve,tea,1,3.50\n")

    assert shop.reasons() == {5: "malformed line: invalid encoding"}


def test_a_file_that_is_not_parquet_is_one_clear_line(shop: Shop) -> None:
    with pytest.raises(DataError, match=r"events file .*cannot be read as Parquet"):
        shop.take(events=shop.file("events.parquet", "no parquet"))

    assert not shop.home.exists()


def test_a_row_has_the_number_of_the_line_an_editor_shows(shop: Shop) -> None:
    rng = random.Random(7)  # noqa: S311  # the same file every time
    text, expected = HEADER, {}
    for number in range(1, 400):
        kind = rng.choice(["good", "short", "long", "wrapped", "undated", "empty", "broken"])
        row, line = f"O{number},1,2024-01-01,ann,tea,1,1", text.count("\n") + 1
        if kind == "short":
            row, expected[line] = "a,b", "malformed line: missing columns"
        elif kind == "long":
            row, expected[line] = row + ",1", "malformed line: too many columns"
        elif kind == "wrapped":
            row = row.replace("ann", '"an\n\nn"')
        elif kind == "undated":
            row, expected[line] = row.replace("2024-01-01", "?"), "unreadable time"
        elif kind == "empty":
            row = ""
        elif kind == "broken":
            row = row.replace("ann", '"an\nn"') + ",1"
            expected[line] = "malformed line: too many columns"
        text += row + "\n"

    shop.take(events=text)

    assert shop.reasons() == expected


def test_the_lines_of_a_compressed_file_are_those_of_its_content(shop: Shop) -> None:
    text = EVENTS + "\nC1,1,?,ann,tea,1,3.50\nD1\n"
    shop.take(events=shop.file("events.csv.gz", gzip.compress(text.encode())))

    assert shop.reasons() == {6: "unreadable time", 7: "malformed line: missing columns"}


def test_a_parquet_file_is_read_with_the_numbers_of_its_rows(shop: Shop) -> None:
    path = shop.folder / "events.parquet"
    table = duckdb.sql(
        "SELECT 'A' || i AS order_no, 1 AS line, CASE i WHEN 2 THEN 'soon' ELSE '2024-01-01' END"
        " AS bought, 'ann' AS customer, 'tea' AS sku, 2 AS qty, 3.5::DOUBLE AS price"
        " FROM range(1, 4) t(i)"
    )
    assert table is not None
    table.write_parquet(str(path))

    shop.take(events=path)

    assert shop.reasons() == {2: "unreadable time"}
    assert [row[4] for row in shop.dump()["events"]] == [700, 700]


def test_a_view_of_the_mapping_may_not_take_the_name_of_an_input(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"view events: an input has this name already"):
        shop.take(MAPPING + "views: {events: FROM events}\n", events=EVENTS)


def test_a_view_over_what_is_not_given_skips_its_section(shop: Shop) -> None:
    mapping = MAPPING.replace("products: {", "products: {from: goods, ")
    report = shop.take(mapping + "views: {goods: FROM products}\n", events=EVENTS)

    assert report.skipped == {"products": "products", "customers": "customers"}


def test_the_staging_database_leaves_no_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = shop.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    shop.take(events=EVENTS)

    assert list(scratch.iterdir()) == []
