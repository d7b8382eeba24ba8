from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from core.errors import ConfigError
from ingest.contract import CATALOGUE
from ingest.contract import EVENTS as EVENT_SCHEMA
from ingest.log import EventLog
from tests.ingest.shop import CUSTOMERS, EVENTS, PRODUCTS, Shop


def test_customers_and_products_are_there_to_be_read(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS, customers=CUSTOMERS)
    log = EventLog(shop.home / "events.db")

    people = log.customers(["ann", "bob", "eve"])
    assert set(people) == {"ann", "bob"}
    assert (people["ann"].email, people["ann"].traits) == (
        "ann@example.test",
        {"first_name": "Ann"},
    )
    assert (people["bob"].email, people["bob"].traits) == (
        None,
        {"first_name": "Bob", "city": "York"},
    )
    mug, tea = log.catalogue().to_pylist()
    assert mug["product_id"] == "mug"
    assert [tea[name] for name in ("name", "category", "price_minor", "available")] == [
        "Green tea",
        "Drinks/Tea",
        350,
        True,
    ]
    log.close()


def test_the_first_import_fixes_the_base_currency(shop: Shop) -> None:
    shop.take(events=EVENTS)

    with pytest.raises(ConfigError, match=r"keeps its sums in GBP"):
        shop.take(events=EVENTS, currency="USD", rates={"GBP": 1.3})


def events(*ids: str, value: int = 100) -> pa.Table:
    rows = [
        {"event_id": each, "event": "Order Completed", "ts_us": 1, "value_minor": value}
        | {"received_us": 1, "source": "test", "is_machine": False, "properties": "{}"}
        for each in ids
    ]
    return pa.Table.from_pylist(rows, schema=EVENT_SCHEMA)


def items(*ids: str, product: str | None = "tea") -> pa.Table:
    rows = [
        {"event_id": each, "position": 1, "line_id": "1", "product_id": product, "category": None}
        | {"brand": None, "quantity": 1, "price_minor": 100, "discount_minor": 0}
        | {"revenue_minor": 100}
        for each in ids
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = EventLog(tmp_path / "home" / "events.db")
    yield log
    log.close()


def found(log: EventLog, sql: str) -> list[tuple[object, ...]]:
    with log.transaction("DEFERRED") as db:
        return db.execute(sql).fetchall()


def test_a_log_of_before_gets_its_index_of_customers(log: EventLog) -> None:
    log.cursor("DROP INDEX events_by_customer")
    EventLog(log.path).close()

    assert found(log, "SELECT count(*) FROM sqlite_master WHERE name = 'events_by_customer'") == [
        (1,)
    ]


def test_an_event_that_is_there_keeps_its_number_and_its_items(log: EventLog) -> None:
    assert log.append(events("a", "b"), items("a", "b")) == 2
    assert log.append(events("b", "c", value=999), items("b", "c", product="mug")) == 1

    kept = "SELECT seq, event_id, value_minor, product_id FROM events JOIN items USING (seq)"
    assert found(log, kept) == [
        (1, "a", 100, "tea"),
        (2, "b", 100, "tea"),
        (3, "c", 999, "mug"),
    ]


def test_a_batch_with_a_bad_item_leaves_nothing(log: EventLog) -> None:
    log.append(events("a"), items("a"))

    with pytest.raises(sqlite3.IntegrityError):
        log.append(events("b", "c"), items("b", "c", product=None))

    assert (log.count("events"), log.count("items")) == (1, 1)
    assert log.append(events("b"), items("b")) == 1


def test_a_revised_event_keeps_its_number_and_makes_its_day_stale(log: EventLog) -> None:
    log.append(events("a", "b"), items("a", "b"))
    with log.transaction() as db:
        db.executemany("INSERT INTO exports VALUES (?, 2, 1, 0)", [(0,), (1,)])

    log.revise(events("b", value=250), items("b", product="mug"))

    assert log.rows("SELECT seq, value_minor FROM events") == [(1, 100), (2, 250)]
    assert found(log, "SELECT product_id FROM items WHERE seq = 2") == [("mug",)]
    assert log.rows("SELECT day, stale FROM exports ORDER BY day") == [(0, 1), (1, 0)]


def test_what_changed_in_the_catalogue_is_counted_and_marked(log: EventLog) -> None:
    row = {"product_id": "tea", "name": "Tea", "available": True, "attributes": "{}"}

    def put(**given: object) -> tuple[int, int]:
        return log.put_products(pa.Table.from_pylist([row | given], schema=CATALOGUE))

    assert [put(), put(), put(price_minor=5), put(price_minor=None)] == [
        (1, 0),
        (0, 0),
        (0, 1),
        (0, 1),
    ]
    assert log.mark("catalogue") == 3
    assert log.mark("never set") == 0


def test_quarantine_holds_a_row_once(log: EventLog) -> None:
    rows = {"source": ["s", "s"], "file": ["f", "f"], "row": [1, 2], "payload": ["{}", "{}"]}
    table = pa.table(rows | {"reason": ["bad", "bad"]})

    assert [log.put_aside(table), log.put_aside(table)] == [2, 0]
    assert log.count("quarantine") == 2


def test_a_reader_opens_the_log_while_a_writer_holds_it(log: EventLog) -> None:
    with log.transaction():
        other = EventLog(log.path)
        assert other.count("events") == 0
        other.close()
