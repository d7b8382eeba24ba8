from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.als import Als, AlsParams
from models.frequency import Frequency
from models.interactions import Purchases
from models.item_item import ItemItem
from models.popularity import Popularity
from models.reasons import why_again, why_new, why_popular
from tests.models.corner_shop import PRODUCTS, assortment, purchases

STOCK = replace(assortment(), name=np.array(["Rye bread", "Eggs", "Milk", "Diesel", "", "Wine"]))
LIKE = sparse.csr_matrix(
    np.array([[0, 3, 1, 0, 0, 0], *[[0] * 6] * 3, [0, 0, 9, 0, 0, 0], [0] * 6])
)


def bought(times: float, first: float, last: float) -> Purchases:
    """Bread only, between so many days ago."""
    one = purchases((times, 0, 0, 0, 0, 0))

    def days(value: float) -> sparse.csr_matrix:
        return sparse.csr_matrix(np.array([[value, 0, 0, 0, 0, 0]], np.float32))

    return replace(one, first_days=days(first), last_days=days(last))


@pytest.mark.parametrize(
    ("times", "first", "last", "reason"),
    [
        (1, 9, 9, "You bought this once"),
        (0.25, 9, 9, "You bought this once"),  # a part that was kept
        (2, 30, 9, "You bought this 2 times"),  # one time between is no habit
        (3, 9, 9, "You bought this 3 times"),  # all on one day
        (5, 6, 2, "You buy this about every day"),
        (5, 15, 2, "You buy this about every 3 days"),
        (5, 30, 2, "You buy this about every week"),
        (4, 70, 7, "You buy this about every 3 weeks"),
        (3, 190, 10, "You buy this about every 3 months"),
    ],
)
def test_a_habit_is_told_in_the_units_people_use(
    times: float, first: float, last: float, reason: str
) -> None:
    words = why_again(bought(times, first, last), np.array([[0, -1]], np.int32))

    assert words.tolist() == [[reason, ""]]


def test_without_times_a_habit_is_a_count() -> None:
    ids = np.array([[0]], np.int32)

    assert why_again(purchases((7, 0, 0, 0, 0, 0)), ids)[0, 0] == "You bought this 7 times"


@pytest.mark.parametrize(
    ("name", "named", "unnamed"),
    [
        ("together", "Bought together with Rye bread", "Bought together with what you buy"),
        ("content", "Like Rye bread, which you bought", "Like something you bought"),
        (
            "ease",
            "People who bought Rye bread buy this too",
            "Often bought by people with your tastes",
        ),
    ],
)
def test_a_similar_product_names_what_speaks_for_it(name: str, named: str, unnamed: str) -> None:
    model = ItemItem(name, np.array(PRODUCTS), LIKE, STOCK)
    ids = np.array([[1, 2]], np.int32)

    words = why_new(model, STOCK, purchases((1, 0, 0, 0, 1, 0)), ids)

    assert words.tolist() == [[named, unnamed]]  # for milk speaks tea, which has no name


def test_models_that_see_no_single_product_name_none() -> None:
    tastes = purchases((1, 1, 0, 0, 0, 0), (1, 1, 0, 0, 1, 1))
    als = Als.fit(tastes, STOCK, AlsParams(factors=2), seed=7)
    ids = np.array([[0, 5]], np.int32)

    assert {*why_new(als, STOCK, tastes, ids).ravel()} == {
        "Often bought by people with your tastes"
    }
    for model in (Popularity(STOCK), Frequency(STOCK)):
        assert why_new(model, STOCK, tastes, ids).tolist() == [
            ["Popular this month", "From our shelves"]
        ]


def test_one_or_two_orders_make_nothing_popular() -> None:
    ever = np.array([3, 3, 2, 0, 0, 0], np.float32)
    stock = replace(assortment(sold=(3, 2, 2, 0, 0, 0)), sold_ever=ever)

    words = why_popular(stock, np.array([[0, 1, 2, 5]], np.int32)).tolist()

    assert words == [
        ["Popular this month", "Popular with our customers", "From our shelves", "From our shelves"]
    ]


def test_a_product_is_never_its_own_reason_by_another_id() -> None:
    named_alike = replace(STOCK, name=np.array(["Milk", "MILK", *["Other"] * 4]))
    model = ItemItem("together", np.array(PRODUCTS), LIKE, named_alike)

    words = why_new(model, named_alike, purchases((1, 0, 0, 0, 0, 0)), np.array([[1, 2]], np.int32))

    assert words.tolist() == [["Bought together with what you buy", "Bought together with Milk"]]
