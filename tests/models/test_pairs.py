from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.frequency import Frequency
from models.pairs import Pairs, at_cells, names_of, pairs_of
from models.popularity import Popularity
from tests.models.corner_shop import NOBODY, assortment, purchases

STOCK = replace(
    assortment(),
    price=np.array([100, 200, 400, 50, np.nan, 800], np.float32),
    category=np.array([0, 1, 2, -1, 3, 4], np.int32),
    department=np.array([0, 0, 0, -1, 1, 1], np.int32),
    gap_days=np.array([7, np.nan, 4, np.nan, 30, np.nan], np.float32),
)
TWO = purchases((4, 0, 1, 0, 0, 0), (0, 0, 0, 0, 2, 0))
KNOWN = replace(
    TWO,
    last_days=sparse.csr_matrix(
        (np.array([2, 14, 9], np.float32), TWO.times.indices, TWO.times.indptr), (2, 6)
    ),
    first_days=sparse.csr_matrix(
        (np.array([32, 14, 29], np.float32), TWO.times.indices, TWO.times.indptr), (2, 6)
    ),
    orders=np.array([4, 2], np.float32),
)
MODELS = (Frequency(STOCK), Popularity(STOCK))


def pairs(n: int = 6) -> Pairs:
    return pairs_of(MODELS, STOCK, KNOWN, n, "all")


def value(row: int, product: int, name: str) -> float:
    found = pairs()
    at = np.flatnonzero((found.rows == row) & (found.products == product))
    return float(found.values[at[0], found.names.index(name)])


def test_pairs_are_what_any_model_ranks_each_once_in_order() -> None:
    found = pairs()

    assert [*zip(found.rows.tolist(), found.products.tolist(), strict=True)] == [
        (row, product) for row in (0, 1) for product in (0, 1, 2, 4, 5)
    ]
    assert found.values.shape == (10, len(found.names))
    assert found.names == names_of(MODELS)


def test_each_model_proposes_as_many_of_the_bought_as_of_the_others() -> None:
    found = pairs(n=1)

    own = [*zip(found.rows.tolist(), found.products.tolist(), strict=True)]
    assert own == [(0, 0), (0, 1), (1, 0), (1, 4)]  # bought most, and what sells best of the rest


def test_what_a_model_says_is_its_score_and_place_or_not_known() -> None:
    assert (value(0, 0, "frequency place"), value(0, 2, "frequency place")) == (0, 1)
    assert (value(0, 1, "popularity place"), value(0, 4, "popularity place")) == (0, 1)
    assert np.isnan(value(0, 1, "frequency"))


def test_a_habit_is_told_by_the_time_between_its_orders() -> None:
    assert value(0, 0, "own_gap_days") == 10  # four orders in thirty days
    assert value(0, 0, "since_own_gap") == pytest.approx(0.2)
    assert value(0, 0, "since_gap") == pytest.approx(2 / 7)
    assert np.isnan(value(0, 2, "own_gap_days"))
    assert value(0, 2, "since_last_order") == 12


def test_customers_are_told_by_their_orders() -> None:
    assert value(0, 5, "basket") == pytest.approx(5 / 4)
    assert value(0, 5, "distinct") == 2
    assert value(0, 5, "again_share") == pytest.approx(1 - 2 / 5)
    assert (value(0, 5, "idle_days"), value(1, 5, "idle_days")) == (2, 9)


def test_a_product_fits_by_its_price_and_its_category() -> None:
    usual = (np.log1p(100) + np.log1p(400)) / 2
    assert value(0, 5, "price_fit") == pytest.approx(np.log1p(800) - usual, abs=1e-5)
    assert (value(0, 1, "category_share"), value(0, 1, "department_share")) == (0, 1)
    assert value(0, 2, "category_share") == pytest.approx(0.2)
    assert np.isnan(value(1, 5, "price_fit"))  # what they bought has no price


def test_what_is_not_known_of_anybody_is_not_known_of_a_pair() -> None:
    found = pairs_of((Popularity(assortment()),), assortment(), NOBODY, 3, "all")

    assert len(found.rows) == 3
    assert np.isnan(found.values[:, found.names.index("since_days")]).all()
    assert np.isnan(found.values[:, found.names.index("price_fit")]).all()


def test_cells_that_are_not_there_are_not_known() -> None:
    cells = sparse.csr_matrix(np.array([[0, 2], [3, 0]], np.float32))

    found = at_cells(cells, np.array([0, 0, 1]), np.array([0, 1, 0]))

    assert found[1:].tolist() == [2, 3]
    assert np.isnan(found[0])
