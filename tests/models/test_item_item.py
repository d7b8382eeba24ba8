from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from models.assortment import Assortment
from models.interactions import Purchases
from models.item_item import ItemItem, most_similar, strongest
from models.ranking import Ranked
from tests.models.corner_shop import PRODUCTS, assortment, purchases

# Who bought bread may like eggs and milk; who bought tea, milk more than eggs.
LIKE = sparse.csr_matrix(
    np.array(
        [
            [0, 3, 1, 9, 0, 0],
            [3, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0],
            [0, 1, 4, 0, 0, -2],
            [0, 0, 0, 0, 0, 0],
        ],
        dtype=np.float32,
    )
)
BREAD_AND_TEA = purchases((1, 0, 0, 0, 3, 0))


def model(**weight: str) -> ItemItem:
    return ItemItem("like", np.array(PRODUCTS), LIKE, assortment(), **weight)  # type: ignore[arg-type]


def test_scores_are_the_summed_similarities_of_what_was_bought() -> None:
    ranked = model().rank(BREAD_AND_TEA, 3, "new")

    assert ranked.ids.tolist() == [[2, 1, -1]]  # milk 1 + 4, eggs 3 + 1; never petrol or wine
    assert ranked.scores.tolist() == [[5, 4, 0]]


def test_fading_orders_count_as_much_as_is_left_of_them() -> None:
    ranked = model(weight="recent").rank(BREAD_AND_TEA, 2, "new")

    assert ranked.scores.tolist() == [[6.5, 3.0]]  # half an order of bread, one and a half of tea


def test_a_list_says_which_product_speaks_for_each_place() -> None:
    listed = Ranked(np.array([[2, 1, 5, -1]], np.int32), np.ones((1, 4), np.float32))

    assert model().because(BREAD_AND_TEA, listed).tolist() == [[4, 0, -1, -1]]


def test_what_may_not_be_recommended_is_no_reason_either() -> None:
    both = purchases((1, 0, 0, 9, 0, 0))  # petrol, which is never recommended, and bread
    like = LIKE.tolil()
    like[3, 1] = 7
    model = ItemItem("like", np.array(PRODUCTS), like.tocsr(), assortment())
    listed = Ranked(np.array([[1]], np.int32), np.ones((1, 1), np.float32))

    assert model.because(both, listed).tolist() == [[0]]


def test_similarities_follow_their_products_to_another_catalogue() -> None:
    ids = np.array(["bread", "cocoa", "eggs", "milk"])
    four = replace(assortment((4, 3, 2, 9)), product_ids=ids, allowed=np.ones(4, bool))

    moved = model().at(four)

    assert moved.similarity.toarray()[0].tolist() == [0, 0, 3, 1]
    assert moved.similarity[1].nnz == 0


def test_what_is_out_of_stock_comes_back_with_the_stock() -> None:
    without = assortment()
    none = replace(without, allowed=np.zeros(6, bool))

    assert model().at(none).rank(BREAD_AND_TEA, 2, "all").ids.tolist() == [[-1, -1]]
    assert model().at(none).at(without).rank(BREAD_AND_TEA, 2, "new").ids.tolist() == [[2, 1]]


@pytest.mark.parametrize(("n", "kept"), [(1, [0, -5, 0]), (2, [3, -5, 0]), (9, [3, -5, 1])])
def test_the_strongest_are_the_largest_by_size(n: int, kept: list[float]) -> None:
    assert strongest(np.array([[3.0, -5.0, 1.0]]), n).toarray().tolist() == [kept]


def test_who_bought_hundreds_of_products_is_told_by_those_bought_most_of_late() -> None:
    size = 150
    ids = np.array([f"p{number:03}" for number in range(size)])
    ones = np.ones(size, np.float32)
    stock = Assortment(product_ids=ids, allowed=ones.astype(bool), sold=ones, sold_ever=ones)
    times = sparse.csr_matrix(np.arange(size, 0, -1, dtype=np.float32)[None, :])
    bought = Purchases(times=times, recent=times, ever=times.sign())

    each_like_itself = ItemItem("same", ids, sparse.eye(size, format="csr"), stock)

    assert (each_like_itself.rank(bought, size, "all").ids[0] >= 0).sum() == 100
    assert each_like_itself.rank(bought, size, "all").ids.max() == 99


def test_the_most_similar_of_each_are_without_itself_and_what_nobody_shares() -> None:
    bought = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0]], np.float64))

    got = most_similar(bought, 2)

    assert got.toarray().tolist() == [[0, 2, 2, 0], [2, 0, 1, 0], [2, 1, 0, 0], [0, 0, 0, 0]]


@given(st.integers(0, 10_000))
def test_what_speaks_most_for_a_place_is_the_largest_product_of_weight_and_similarity(
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    like = generator.integers(-1, 4, (6, 6)).astype(np.float32)
    times = generator.integers(0, 3, (5, 6)).astype(np.float32)
    ids = generator.integers(-1, 6, (5, 3)).astype(np.int32)
    stock = assortment()
    model = ItemItem("like", np.array(PRODUCTS), sparse.csr_matrix(like), stock, weight="recent")
    cells = sparse.csr_matrix(times)

    got = model.because(Purchases(times=cells, recent=cells, ever=cells), Ranked(ids, ids * 0.0))

    for bought, shown, reasons in zip(times * stock.allowed, ids, got, strict=True):
        for one, reason in zip(shown, reasons, strict=True):
            speaks = bought * like[:, one] if one >= 0 else np.zeros(6)
            assert reason == (speaks.argmax() if speaks.max() > 0 else -1)
