from __future__ import annotations

import numpy as np
import pytest

from models.item_item import ItemItem
from models.item_knn import ItemKnnParams, fit_item_knn
from tests.models.corner_shop import NOBODY, assortment, purchases

# Three buy bread and eggs, one of them milk too, one petrol; two buy tea and wine.
BASKETS = purchases(
    (1, 2, 0, 0, 0, 0),
    (1, 1, 0, 1, 0, 0),
    (3, 1, 1, 0, 0, 0),
    (0, 0, 0, 0, 1, 1),
    (0, 0, 0, 0, 2, 1),
)
PLAIN = ItemKnnParams(neighbours=5, customer_power=0, from_power=0, to_power=0)
BREAD = purchases((1, 0, 0, 0, 0, 0))


def model(params: ItemKnnParams = PLAIN) -> ItemItem:
    return fit_item_knn(BASKETS.times, assortment(), params)


def test_without_powers_a_similarity_is_the_number_of_common_buyers() -> None:
    assert model().similarity.toarray()[0].tolist() == [0, 3, 1, 1, 0, 0]


def test_each_power_divides_by_its_degree() -> None:
    powers = ItemKnnParams(neighbours=5, customer_power=1, from_power=0.7, to_power=0.3)

    found = model(powers).similarity.toarray()

    # Bread and milk have one buyer in common, who buys three products; bread has three buyers.
    assert found[0, 2] == pytest.approx((1 / 3) / (3**0.7 * 1**0.3), rel=1e-6)
    assert found[2, 0] == pytest.approx((1 / 3) / (1**0.7 * 3**0.3), rel=1e-6)


def test_neighbours_do_not_count_the_product_itself() -> None:
    found = model(ItemKnnParams(neighbours=1, customer_power=0, from_power=0, to_power=0))

    assert found.similarity.toarray()[0].tolist() == [0, 3, 0, 0, 0, 0]


def test_new_products_are_what_goes_with_the_bought_ones_and_is_allowed() -> None:
    ranked = model().rank(BREAD, 4, "new")

    assert ranked.ids.tolist() == [[1, 2, -1, -1]]  # eggs, milk; no petrol, no bread


def test_repeats_are_own_products_only() -> None:
    ranked = model().rank(purchases((1, 1, 0, 0, 0, 0)), 3, "repeat")

    assert ranked.ids.tolist() == [[0, 1, -1]]


def test_who_bought_nothing_or_nobody_at_all_gets_empty_places() -> None:
    assert model().rank(NOBODY, 2, "all").ids.tolist() == [[-1, -1]]
    assert model().rank(NOBODY.rows(slice(0, 0)), 2, "new").ids.shape == (0, 2)


def test_products_that_nobody_buys_together_have_no_neighbours() -> None:
    alone = fit_item_knn(BREAD.times, assortment(), PLAIN)

    assert alone.similarity.nnz == 0
    assert np.all(alone.rank(BREAD, 2, "new").ids == -1)
