from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pytest

from core.errors import DataError, NotEnoughDataError
from models.assortment import read_assortment
from models.interactions import History, read_targets, require_purchases
from tests.models.corner_shop import DAY, NOW, lake_of

HALF_LIFE = 10 * DAY


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
    lake = lake_of(
        ("ann", "milk", DAY, "o1"),
        ("ann", "milk", DAY, "o1"),
        ("ann", "milk", 11 * DAY, "o2"),
    )

    assert bought(lake, "ann")["milk"][0] == 2


def test_a_purchase_counts_half_after_every_half_life() -> None:
    lake = lake_of(("ann", "milk", HALF_LIFE, "o1"), ("ann", "milk", 3 * HALF_LIFE, "o2"))

    assert bought(lake, "ann") == {"milk": [2, 0.5 + 0.125]}


def test_refunds_are_taken_off() -> None:
    lake = lake_of(
        ("ann", "milk", HALF_LIFE, "o1"),
        ("ann", "milk", HALF_LIFE, "o2"),
        ("ann", "milk", DAY, "back1"),
        ("ann", "tea", 3 * DAY, "o3"),
        ("ann", "tea", DAY, "back2"),
        ("ann", "bread", DAY, "back3"),
        refunds=("back1", "back2", "back3"),
    )

    # Half of the milk of two orders half a life old each is left.
    assert bought(lake, "ann") == {"milk": [1, 0.5]}


@pytest.mark.parametrize(
    ("ordered", "sent_back", "times"),
    [
        pytest.param(4, 2, 1.5, id="two-of-eight-units"),
        pytest.param(4, 8, None, id="all-of-both-orders"),
        pytest.param(4, 9, None, id="more-than-was-bought"),
        pytest.param(None, 1, 1.0, id="no-quantity-is-one-unit"),
        pytest.param(0, 1, 1.0, id="nor-is-zero-nothing"),
    ],
)
def test_a_refund_takes_off_the_share_of_units_that_came_back(
    ordered: int | None, sent_back: int, times: float | None
) -> None:
    lake = lake_of(
        ("ann", "milk", HALF_LIFE, "o1"),
        ("ann", "milk", 2 * HALF_LIFE, "o2"),
        ("ann", "milk", DAY, "back"),
        refunds=("back",),
        units={"o1": ordered, "o2": ordered, "back": sent_back},
    )

    # Half an order and a quarter of one, by age, times the share that was kept.
    assert bought(lake, "ann") == ({} if times is None else {"milk": [times, 0.375 * times]})


def test_what_was_sent_back_is_not_bought_and_not_new_either() -> None:
    lake = lake_of(
        ("ann", "milk", 2 * DAY, "o1"),
        ("ann", "tea", 2 * DAY, "o2"),
        ("ann", "tea", DAY, "back1"),
        ("ann", "bread", DAY, "of an order before the first event"),
        refunds=("back1", "of an order before the first event"),
    )
    assortment = read_assortment(lake, before=NOW)

    ann = History(lake, assortment, before=NOW, half_life=HALF_LIFE).of(["ann"]).rows(slice(None))

    assert assortment.product_ids[ann.times.indices].tolist() == ["milk"]
    assert assortment.product_ids[ann.recent.indices].tolist() == ["milk"]
    assert assortment.product_ids[ann.ever.indices].tolist() == ["bread", "milk", "tea"]


def test_who_sent_everything_back_is_no_buyer() -> None:
    lake = lake_of(("ann", "tea", DAY, "o1"), ("ann", "tea", DAY, "back"), refunds=("back",))
    assortment = read_assortment(lake, before=NOW)

    history = History(lake, assortment, before=NOW, half_life=HALF_LIFE)

    assert history.customers().tolist() == []


def test_nothing_at_or_after_the_instant_counts() -> None:
    lake = lake_of(
        ("ann", "milk", timedelta(microseconds=1), "before"),
        ("ann", "milk", timedelta(0), "at"),
        ("ann", "tea", -DAY, "after"),
    )

    assert bought(lake, "ann") == {"milk": [1, 1.0]}
    assortment = read_assortment(lake, before=NOW)
    assert assortment.sold_ever.sum() == assortment.sold.sum() == 1


def test_guests_make_products_popular_and_are_nobody() -> None:
    lake = lake_of((None, "milk", DAY, "o1"), ("ann", "tea", 40 * DAY, "o2"))

    assortment = read_assortment(lake, before=NOW)
    history = History(lake, assortment, before=NOW, half_life=HALF_LIFE)

    assert history.customers().tolist() == ["ann"]
    assert dict(zip(assortment.product_ids, assortment.sold, strict=True))["milk"] == 1
    assert assortment.sold.sum() == 1  # ann's tea is older than the window
    assert assortment.sold_ever.sum() == 2


def test_products_outside_the_catalogue_are_left_out() -> None:
    lake = lake_of(("ann", "unheard of", DAY, "o1"), ("ann", "tea", DAY, "o1"))

    assert bought(lake, "ann") == {"tea": [1, round(0.5**0.1, 4)]}


def test_rows_come_in_the_order_asked_and_the_unknown_are_empty() -> None:
    lake = lake_of(("ann", "tea", DAY, "o1"), ("bob", "milk", DAY, "o2"))
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
    lake = lake_of(
        ("ann", "tea", timedelta(0), "at the start"),
        ("ann", "milk", DAY, "before"),
        ("ann", "bread", -DAY, "at the end"),
        ("ann", "wine", timedelta(0), "not available"),
    )
    assortment = read_assortment(lake, before=NOW)

    targets = read_targets(lake, assortment, ["bob", "ann"], start=NOW, end=NOW + DAY)

    assert np.diff(targets.indptr).tolist() == [0, 1]
    assert assortment.product_ids[targets.indices].tolist() == ["tea"]


def test_no_purchases_are_an_error_that_says_what_to_do() -> None:
    lake = lake_of((None, "tea", DAY, "o1"))
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

    first = digest_of(lake_of(("ann", "tea", DAY, "o1")))

    assert digest_of(lake_of(("ann", "tea", DAY, "another id"))) == first
    assert digest_of(lake_of(("ann", "tea", 2 * DAY, "o1"))) != first
    assert digest_of(lake_of(("bob", "tea", DAY, "o1"))) != first
