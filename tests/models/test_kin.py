from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.frequency import Frequency
from models.item_item import ItemItem
from models.kin import FEW, fit_kinship, kinship_of, packed_kin, supported
from profiles.products import KINDS, unpack_kin
from tests.models.corner_shop import PRODUCTS, assortment

STOCK = replace(
    assortment(), text=np.array(["white loaf", "egg", "white milk", "oil", "black tea", "wine"])
)
LIKE = sparse.csr_matrix(
    np.array([[0, 3, 1, 9, 0, 0], [3, 0, 0, 0, 0, 0], *[[0] * 6] * 4], np.float32)
)
BASKETS = sparse.csr_matrix(np.array([[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0]], np.float32))


def like(name: str) -> ItemItem:
    return ItemItem(name, np.array(PRODUCTS), LIKE, STOCK)


def test_models_of_a_recommender_are_known_by_what_they_tell() -> None:
    models = [Frequency(STOCK), like("ease"), like("item-knn"), like("together")]

    known = kinship_of(models)

    assert {kind: model.name for kind, model in known.items()} == {
        "bought_too": "item-knn",
        "goes_with": "together",
    }


def test_without_a_recommender_texts_and_orders_tell() -> None:
    known = fit_kinship(STOCK, BASKETS)

    assert set(known) == {"similar_to", "goes_with"}
    assert known["similar_to"].similarity[0, 2] > 0  # both are white
    assert known["goes_with"].similarity[0, 4] > 0
    assert fit_kinship(STOCK, BASKETS[:0])["goes_with"].similarity.nnz == 0


def test_what_few_orders_hold_together_does_not_go_together() -> None:
    bread_and_eggs, bread_and_milk = [1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]
    orders = np.array([bread_and_eggs] * FEW + [bread_and_milk] * (FEW - 1), np.float32)

    kept = supported(like("together"), STOCK, sparse.csr_matrix(orders)).similarity.toarray()

    assert (kept[0, 1], kept[1, 0]) == (3, 3)
    assert (kept[0, 2], kept[0, 3]) == (0, 0)


@pytest.mark.parametrize("block", [2, 100])
def test_neighbours_are_numbers_in_the_order_given_and_may_be_recommended(block: int) -> None:
    order = np.array([4, 1, 0, 2, 3, 5])  # tea is number 0, eggs 1, bread 2, milk 3

    rows = list(packed_kin({"goes_with": like("together")}, STOCK, order, block=block))

    at = KINDS.index("goes_with")
    bread, eggs = unpack_kin(rows[2][at]), unpack_kin(rows[1][at])
    assert (list(bread.numbers), list(bread.scores)) == ([1, 3], [3.0, 1.0])  # never petrol
    assert (list(eggs.numbers), list(eggs.scores)) == ([2], [3.0])
    assert rows[0] == (b"", b"", b"")
    assert len(rows) == 6
