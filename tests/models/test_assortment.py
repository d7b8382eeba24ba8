from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import DataError
from models.assortment import read_assortment, sold_by_group
from tests.models import corner_shop
from tests.models.corner_shop import DAY, NOW, lake_of


def test_products_nobody_wants_by_mail_are_not_allowed() -> None:
    assortment = read_assortment(lake_of(("ann", "milk", DAY, "o1")), before=NOW)

    assert assortment.product_ids[assortment.allowed].tolist() == ["bread", "milk", "tea"]


def test_sales_of_groups_count_orders_of_their_members() -> None:
    lake = lake_of(
        ("ann", "tea", DAY, "o1"),
        ("bob", "tea", DAY, "o2"),
        ("eve", "tea", DAY, "o3"),
        ("eve", "tea", 31 * DAY, "o4"),
    )
    assortment = read_assortment(lake, before=NOW)

    sold = sold_by_group(lake, assortment, {"a": ["ann", "bob"], "b": ["eve"], "c": []}, before=NOW)

    assert {name: float(values.sum()) for name, values in sold.items()} == {"a": 2, "b": 1, "c": 0}


def test_dense_ids_are_found_again() -> None:
    assortment = read_assortment(lake_of(("ann", "tea", DAY, "o1")), before=NOW)

    at = assortment.positions(np.array(["tea", "nonsense", "zzz", "bread"]))

    assert at.tolist() == [4, -1, -1, 0]


def test_an_empty_catalogue_is_an_error() -> None:
    lake = lake_of(("ann", "tea", DAY, "o1"))
    lake.execute("DELETE FROM catalogue")

    with pytest.raises(DataError, match="catalogue is empty"):
        read_assortment(lake, before=NOW)


def test_categories_are_numbers_and_departments_their_first_part() -> None:
    stock = read_assortment(lake_of(), before=NOW)

    at = dict(zip(stock.product_ids.tolist(), range(6), strict=True))
    assert stock.category is not None
    assert stock.department is not None
    assert stock.department[at["bread"]] == stock.department[at["milk"]]
    assert stock.category[at["bread"]] != stock.category[at["milk"]]
    assert (stock.category[at["tea"]], stock.department[at["gift card"]]) == (-1, -1)


def test_a_text_holds_all_that_makes_products_alike() -> None:
    stock = read_assortment(lake_of(), before=NOW)

    texts = dict(zip(stock.product_ids.tolist(), stock.text.tolist(), strict=True))
    assert {*texts["bread"].split()} >= {"rye", "bread", "mill", "food/bakery", "food", "bakery"}
    assert "price:8.0" in texts["bread"]
    assert "colour:red" in texts["wine"]
    assert texts["tea"] == ""


def test_a_product_is_told_by_when_and_how_often_it_sells() -> None:
    lake = lake_of(
        ("ann", "milk", 2 * DAY, "o1"),
        ("ann", "milk", 12 * DAY, "o2"),
        ("ann", "milk", 22 * DAY, "o3"),
        ("bob", "milk", 16 * DAY, "o4"),
        (None, "milk", 40 * DAY, "o5"),
    )

    stock = read_assortment(lake, before=NOW)

    found = {
        name: value[stock.positions(np.array(["milk"]))[0]] for name, value in stock.arrays.items()
    }
    assert (found["sold"], found["sold_ever"], found["sold_week"]) == (4, 5, 1)
    assert (found["first_days"], found["last_days"]) == (40, 2)
    assert found["gap_days"] == 10  # Ann's; Bob bought once, a guest is nobody
    assert found["repeat_rate"] == pytest.approx((1 + 1) / (2 + 10))
    halves = sum(0.5 ** (days / 14) for days in (2, 12, 22, 16, 40))
    assert found["fading"] == pytest.approx(halves, rel=1e-6)


def test_the_digest_of_a_catalogue_is_of_what_is_said_of_products_not_of_their_sales() -> None:
    stock = corner_shop.assortment()

    sold = replace(stock, sold=stock.sold + 1)
    renamed = replace(stock, name=np.array([*"abcdef"]))
    gone = replace(stock, allowed=np.zeros(6, bool))

    assert sold.digest == stock.digest
    assert len({stock.digest, renamed.digest, gone.digest}) == 3
