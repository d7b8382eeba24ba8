# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.clock import DAY_US
from ingest.book import unbooked
from ingest.contract import TABLES
from simulator.tables import anonymous_ids, customer_ids, event_ids, event_numbers
from tests.simulator.conftest import Shop


@pytest.mark.parametrize("table", TABLES)
def test_every_file_has_the_schema_of_the_contract(table: str, shop: Shop) -> None:
    files = unbooked(shop.home / "lake")[table]

    assert files
    for file in files:
        assert pq.read_schema(file).equals(TABLES[table], check_metadata=True)


def test_events_are_numbered_by_day_and_place_within_it() -> None:
    numbers = event_numbers(np.array([5, 9, DAY_US, DAY_US + 1, DAY_US + 1]))

    assert event_ids(numbers).to_pylist() == [
        "0000000000000000",
        "0000000000000001",
        "0000000100000000",
        "0000000100000001",
        "0000000100000002",
    ]


def test_ids_of_people_tell_nothing_of_each_other() -> None:
    who = np.arange(1_000, dtype=np.int32)

    assert customer_ids(who)[7] == b"c00000007"
    assert len(np.unique(anonymous_ids(who, 1))) == 1_000
    assert (anonymous_ids(who, 1) != anonymous_ids(who, 2)).all()


def test_event_ids_are_unique_and_every_item_has_its_event(shop: Shop) -> None:
    events = shop.ask("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events").iloc[0]
    lost = shop.number(
        "SELECT count(*) FROM items AS i LEFT JOIN events AS e USING (event_id)"
        " WHERE e.event_id IS NULL OR e.event <> i.event OR e.ts_us <> i.ts_us"
        " OR e.customer_id IS DISTINCT FROM i.customer_id OR e.is_machine"
    )

    assert events["n"] == events["ids"] == shop.report.total
    assert shop.number("SELECT count(*) FROM items") == shop.report.items
    assert lost == 0


def test_items_are_numbered_within_their_event(shop: Shop) -> None:
    wrong = shop.number(
        "SELECT count(*) FROM (SELECT max(position) + 1 <> count(*) OR min(position) <> 0"
        " OR count(DISTINCT position) <> count(*) AS wrong FROM items GROUP BY event_id)"
        " WHERE wrong"
    )

    assert wrong == 0


def test_events_of_a_product_name_it(shop: Shop) -> None:
    found = shop.ask(
        "SELECT e.event, count(i.event_id) / count(*) AS n FROM events AS e"
        " LEFT JOIN items AS i USING (event_id) GROUP BY 1"
    ).set_index("event")["n"]

    assert found["Product Viewed"] == found["Product Added"] == 1
    assert found["Email Opened"] == found["Unsubscribed"] == 0
    assert shop.number("SELECT count(*) FROM items WHERE event = 'Product List Viewed'") > 0


def test_prices_and_categories_are_those_of_the_catalogue(shop: Shop) -> None:
    wrong = shop.number(
        "SELECT count(*) FROM items AS i LEFT JOIN catalogue AS c USING (product_id)"
        " WHERE c.product_id IS NULL OR i.price_minor <> c.price_minor OR i.brand <> c.brand"
        " OR i.category <> c.category OR i.currency <> c.currency OR i.ts_us < c.created_us"
    )

    assert wrong == 0


def test_who_was_anonymous_is_known_from_an_instant_on(shop: Shop) -> None:
    found = shop.ask(
        "SELECT e.customer_id IS NULL AS anonymous, bool_and(ts_us < identified_us) AS before,"
        " bool_and(ts_us >= identified_us) AS after, count(*) AS n FROM events AS e"
        " JOIN true_customers USING (anonymous_id) GROUP BY 1"
    ).set_index("anonymous")

    assert found.loc[True, "before"]
    assert found.loc[False, "after"]
    assert found.loc[True, "n"] / found["n"].sum() > 0.01
    assert (
        shop.number(
            "SELECT count(*) FROM events WHERE customer_id IS NULL AND (anonymous_id IS NULL"
            " OR event IN ('Order Completed', 'Email Delivered'))"
        )
        == 0
    )


def test_files_hold_their_day_in_order_of_time(shop: Shop) -> None:
    for table in ("events", "items"):
        files = f"{shop.home}/lake/{table}/*/part-0000.parquet"
        wrong = shop.number(
            "SELECT count(*) FROM (SELECT ts_us, filename, lag(ts_us) OVER (PARTITION BY filename"
            f" ORDER BY file_row_number) AS before FROM read_parquet('{files}', filename = true,"
            " file_row_number = true)) WHERE before > ts_us"
            " OR NOT contains(filename, strftime(make_timestamp(ts_us), 'day=%Y-%m-%d'))"
        )
        assert wrong == 0


def test_events_lie_in_the_span_that_was_asked_for(shop: Shop) -> None:
    span = shop.ask("SELECT min(ts_us) AS first, max(ts_us) AS last FROM events").iloc[0]

    assert shop.parameters.start_us <= span["first"] < shop.parameters.start_us + DAY_US
    assert shop.parameters.end_us - DAY_US < span["last"] < shop.parameters.end_us


def test_properties_are_json(shop: Shop) -> None:
    texts = shop.ask("SELECT DISTINCT properties FROM events")["properties"]

    assert all(isinstance(json.loads(text), dict) for text in texts)
