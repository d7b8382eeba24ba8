from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from core.clock import to_us
from core.errors import DataError, NotEnoughDataError
from ingest.contract import ORDER_COMPLETED, ORDER_REFUNDED
from models.assortment import read_assortment, sold_by_group
from models.interactions import History, read_targets, require_purchases

NOW = datetime(2017, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HALF_LIFE = 10 * DAY


def shop(
    *lines: tuple[str | None, str, timedelta, str], refunds: tuple[str, ...] = ()
) -> duckdb.DuckDBPyConnection:
    """Build a lake from (customer, product, age, order id): tests read as a table."""
    items = pd.DataFrame(lines, columns=["customer_id", "product_id", "age", "event_id"])
    items["ts_us"] = [to_us(NOW - age) for age in items["age"]]
    items["event"] = [
        ORDER_REFUNDED if e in refunds else ORDER_COMPLETED for e in items["event_id"]
    ]
    catalogue = pd.DataFrame(
        [
            ("bread", "FOOD/BREAD", True),
            ("gift card", "Misc/ Coupon /GIFT", True),
            ("milk", "FOOD/DAIRY", True),
            ("petrol", "fuel/unleaded", True),
            ("tea", None, None),
            ("wine", "FOOD/DRINKS", False),
        ],
        columns=["product_id", "category", "available"],
    )
    connection = duckdb.connect()
    connection.register("given_items", items.drop(columns="age"))
    connection.register("given_catalogue", catalogue)
    connection.execute("CREATE TABLE items AS SELECT * FROM given_items")
    connection.execute("CREATE TABLE catalogue AS SELECT * FROM given_catalogue")
    return connection


def bought(connection: duckdb.DuckDBPyConnection, *customers: str) -> dict[str, list[object]]:
    """Return {product: [times, recent]} of the first customer, in words."""
    assortment = read_assortment(connection, before=NOW)
    purchases = History(connection, assortment, before=NOW, half_life=HALF_LIFE).of(customers)
    return {
        str(assortment.product_ids[at]): [times, round(float(recent), 4)]
        for at, times, recent in zip(
            purchases.times[0].indices,
            purchases.times[0].data,
            purchases.recent[0].data,
            strict=True,
        )
    }


def test_counts_orders_and_not_lines() -> None:
    lake = shop(
        ("ann", "milk", DAY, "o1"),
        ("ann", "milk", DAY, "o1"),
        ("ann", "milk", 11 * DAY, "o2"),
    )

    assert bought(lake, "ann")["milk"][0] == 2


def test_a_purchase_counts_half_after_every_half_life() -> None:
    lake = shop(("ann", "milk", HALF_LIFE, "o1"), ("ann", "milk", 3 * HALF_LIFE, "o2"))

    assert bought(lake, "ann") == {"milk": [2, 0.5 + 0.125]}


def test_refunds_are_taken_off() -> None:
    lake = shop(
        ("ann", "milk", HALF_LIFE, "o1"),
        ("ann", "milk", HALF_LIFE, "o2"),
        ("ann", "milk", DAY, "back1"),
        ("ann", "tea", 3 * DAY, "o3"),
        ("ann", "tea", DAY, "back2"),
        ("ann", "bread", DAY, "back3"),
        refunds=("back1", "back2", "back3"),
    )

    assert bought(lake, "ann") == {"milk": [1, 0.5]}


def test_nothing_at_or_after_the_instant_counts() -> None:
    lake = shop(
        ("ann", "milk", timedelta(microseconds=1), "before"),
        ("ann", "milk", timedelta(0), "at"),
        ("ann", "tea", -DAY, "after"),
    )

    assert bought(lake, "ann") == {"milk": [1, 1.0]}
    assortment = read_assortment(lake, before=NOW)
    assert assortment.sold_ever.sum() == assortment.sold.sum() == 1


def test_guests_make_products_popular_and_are_nobody() -> None:
    lake = shop((None, "milk", DAY, "o1"), ("ann", "tea", 40 * DAY, "o2"))

    assortment = read_assortment(lake, before=NOW)
    history = History(lake, assortment, before=NOW, half_life=HALF_LIFE)

    assert history.customers().tolist() == ["ann"]
    assert dict(zip(assortment.product_ids, assortment.sold, strict=True))["milk"] == 1
    assert assortment.sold.sum() == 1  # ann's tea is older than the window
    assert assortment.sold_ever.sum() == 2


def test_products_nobody_wants_by_mail_are_not_allowed() -> None:
    assortment = read_assortment(
        shop(("ann", "milk", DAY, "o1")), before=NOW, never=["Fuel", "COUPON"]
    )

    assert assortment.product_ids[assortment.allowed].tolist() == ["bread", "milk", "tea"]


def test_products_outside_the_catalogue_are_left_out() -> None:
    lake = shop(("ann", "unheard of", DAY, "o1"), ("ann", "tea", DAY, "o1"))

    assert bought(lake, "ann") == {"tea": [1, round(0.5**0.1, 4)]}


def test_rows_come_in_the_order_asked_and_the_unknown_are_empty() -> None:
    lake = shop(("ann", "tea", DAY, "o1"), ("bob", "milk", DAY, "o2"))
    assortment = read_assortment(lake, before=NOW)

    times = (
        History(lake, assortment, before=NOW, half_life=HALF_LIFE).of(["bob", "eve", "ann"]).times
    )

    assert [assortment.product_ids[row.indices].tolist() for row in times] == [
        ["milk"],
        [],
        ["tea"],
    ]


def test_targets_are_what_was_bought_in_the_window_and_is_allowed() -> None:
    lake = shop(
        ("ann", "tea", timedelta(0), "at the start"),
        ("ann", "milk", DAY, "before"),
        ("ann", "bread", -DAY, "at the end"),
        ("ann", "wine", timedelta(0), "not available"),
    )
    assortment = read_assortment(lake, before=NOW)

    targets = read_targets(lake, assortment, ["bob", "ann"], start=NOW, end=NOW + DAY)

    assert np.diff(targets.indptr).tolist() == [0, 1]
    assert assortment.product_ids[targets.indices].tolist() == ["tea"]


def test_sales_of_groups_count_orders_of_their_members() -> None:
    lake = shop(
        ("ann", "tea", DAY, "o1"),
        ("bob", "tea", DAY, "o2"),
        ("eve", "tea", DAY, "o3"),
        ("eve", "tea", 31 * DAY, "o4"),
    )
    assortment = read_assortment(lake, before=NOW)

    sold = sold_by_group(lake, assortment, {"a": ["ann", "bob"], "b": ["eve"], "c": []}, before=NOW)

    assert {name: float(values.sum()) for name, values in sold.items()} == {"a": 2, "b": 1, "c": 0}


def test_dense_ids_are_found_again() -> None:
    assortment = read_assortment(shop(("ann", "tea", DAY, "o1")), before=NOW)

    at = assortment.positions(np.array(["tea", "nonsense", "zzz", "bread"]))

    assert at.tolist() == [4, -1, -1, 0]


def test_an_empty_catalogue_is_an_error() -> None:
    lake = shop(("ann", "tea", DAY, "o1"))
    lake.execute("DELETE FROM catalogue")

    with pytest.raises(DataError, match="catalogue is empty"):
        read_assortment(lake, before=NOW)


def test_no_purchases_are_an_error_that_says_what_to_do() -> None:
    lake = shop((None, "tea", DAY, "o1"))
    assortment = read_assortment(lake, before=NOW)
    history = History(lake, assortment, before=NOW, half_life=HALF_LIFE)

    with pytest.raises(NotEnoughDataError, match="Import orders"):
        require_purchases(history.of(history.customers()), before=NOW)
    with pytest.raises(DataError, match="half_life"):
        History(lake, assortment, before=NOW, half_life=timedelta(0))


def test_the_digest_follows_what_was_bought() -> None:
    def digest_of(lake: duckdb.DuckDBPyConnection) -> str:
        assortment = read_assortment(lake, before=NOW)
        history = History(lake, assortment, before=NOW, half_life=HALF_LIFE)
        return history.digest(history.customers())

    first = digest_of(shop(("ann", "tea", DAY, "o1")))

    assert digest_of(shop(("ann", "tea", DAY, "another id"))) == first
    assert digest_of(shop(("ann", "tea", 2 * DAY, "o1"))) != first
    assert digest_of(shop(("bob", "tea", DAY, "o1"))) != first
