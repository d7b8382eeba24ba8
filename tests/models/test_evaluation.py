"""Golden numbers worked out by hand; discounts of the places are 1, 0.63093, 0.5, 0.43068."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from core.errors import DataError, NotEnoughDataError
from models.evaluation import (
    by_history,
    evaluate,
    interval,
    qualities,
    quality,
    require_targets,
    targets_of,
)
from models.interactions import Purchases
from models.ranking import Ranked, Scope

SECOND = 0.6309297535714575  # 1 / log2(3)


def matrix(*rows: tuple[int, ...], products: int = 6) -> sparse.csr_matrix:
    """Build a matrix from the products of each customer."""
    dense = np.zeros((len(rows), products), dtype=np.float32)
    for number, row in enumerate(rows):
        dense[number, list(row)] = 1
    return sparse.csr_matrix(dense)


def lists(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


@pytest.mark.parametrize(
    ("given", "targets", "recall", "ndcg"),
    [
        pytest.param((3, 4), (3, 4), 1.0, 1.0, id="perfect"),
        pytest.param((4, 3), (3,), 1.0, SECOND, id="hit-on-the-second-place"),
        pytest.param((3, 0), (3, 4), 0.5, 1 / (1 + SECOND), id="first-of-two"),
        pytest.param((0, 1), (3, 4), 0.0, 0.0, id="all-missed"),
        pytest.param((3, 4), (1, 2, 3, 4), 0.5, 1.0, id="ideal-is-cut-at-k"),
        pytest.param((-1, -1), (5,), 0.0, 0.0, id="empty-list"),
        pytest.param((5, -1), (5,), 1.0, 1.0, id="short-list"),
    ],
)
def test_golden_numbers(
    given: tuple[int, ...], targets: tuple[int, ...], recall: float, ndcg: float
) -> None:
    got = quality(lists(given), matrix(targets), k=2)

    assert got.recall.tolist() == pytest.approx([recall])
    assert got.ndcg.tolist() == pytest.approx([ndcg])


@pytest.mark.parametrize(
    ("given", "targets", "reciprocal_rank", "hit", "average_precision"),
    [
        pytest.param((3, 4, 5), (3, 4, 5), 1, 1, 1, id="perfect"),
        pytest.param((0, 3, 4), (3, 4), 1 / 2, 1, (1 / 2 + 2 / 3) / 2, id="second-and-third"),
        pytest.param((3, 0, 4), (1, 2, 3, 4, 5), 1, 1, (1 + 2 / 3) / 3, id="norm-is-cut-at-k"),
        pytest.param((0, 1, 3), (3, 4), 1 / 3, 1, (1 / 3) / 2, id="third-of-two"),
        pytest.param((0, 1, -1), (3,), 0, 0, 0, id="all-missed"),
        pytest.param((-1, -1, -1), (5,), 0, 0, 0, id="empty-list"),
    ],
)
def test_golden_numbers_of_first_and_all_hits(
    given: tuple[int, ...],
    targets: tuple[int, ...],
    reciprocal_rank: float,
    hit: float,
    average_precision: float,
) -> None:
    got = quality(lists(given), matrix(targets), k=3)

    assert got.reciprocal_rank.tolist() == pytest.approx([reciprocal_rank])
    assert got.hit.tolist() == [hit]
    assert got.average_precision.tolist() == pytest.approx([average_precision])


def test_one_ranking_gives_the_figures_of_every_length() -> None:
    ids, targets = lists((0, 1, 2, 3), (5, 4, 3, -1)), matrix((1, 3), (3,))

    got = qualities(ids, targets, ks=(1, 2, 4))

    for k, one in got.items():
        assert one.means() == quality(ids, targets, k=k).means()
    assert [one.recall.tolist() for one in got.values()] == [[0, 0], [0.5, 0], [1, 1]]


def test_more_places_than_products_are_places_that_stay_empty() -> None:
    assert quality(lists((0, 1)), matrix((1,)), k=50).recall.tolist() == [1]
    assert quality(lists((0, 1)), matrix((1, 2, 3)), k=3).ndcg.tolist() == pytest.approx(
        [SECOND / (1 + SECOND + 0.5)]
    )


@pytest.mark.parametrize("k", [0, -3])
def test_a_list_needs_a_place(k: int) -> None:
    with pytest.raises(DataError, match="at least 1"):
        quality(lists((0, 1)), matrix((1,)), k=k)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Draw four lists of up to six products, none twice, and targets of somebody."""
    rows = [draw(st.permutations(range(6))) for _ in range(4)]
    ids = np.array(rows, dtype=np.int32)
    for row, length in enumerate(draw(st.lists(st.integers(0, 6), min_size=4, max_size=4))):
        ids[row, length:] = -1
    wanted = [draw(st.sets(st.integers(0, 5))) for _ in range(3)]
    return ids, matrix(*map(tuple, wanted), (0, 4))


@settings(max_examples=40)
@given(rankings())
def test_figures_are_shares_and_more_places_never_hit_less(
    drawn: tuple[np.ndarray, sparse.csr_matrix],
) -> None:
    got = qualities(*drawn, ks=range(1, 8))

    for one in got.values():
        for each in fields(one)[2:]:
            values = getattr(one, each.name)
            assert ((values >= 0) & (values <= 1 + 1e-12)).all()
        assert (one.recall <= one.hit).all()
        assert ((one.ndcg > 0) == (one.hit > 0)).all()
        assert (one.reciprocal_rank <= one.hit).all()
    for fewer, more in zip(range(1, 7), range(2, 8), strict=True):
        for name in ("recall", "hit", "reciprocal_rank"):
            assert (getattr(got[fewer], name) <= getattr(got[more], name)).all()


@settings(max_examples=40)
@given(rankings(), st.permutations(range(4)))
def test_the_order_of_customers_does_not_matter(
    drawn: tuple[np.ndarray, sparse.csr_matrix], order: list[int]
) -> None:
    ids, targets = drawn

    means = quality(ids, targets, k=4).means()

    assert quality(ids[order], targets[order], k=4).means() == pytest.approx(means)


def test_customers_with_and_without_history_are_told_apart() -> None:
    bought = matrix((0,), (), (1,), ())
    purchases = Purchases(times=bought, recent=bought, ever=bought)
    found = quality(lists((3, 4), (4, 3), (0, 2), (0, 1)), matrix((3,), (3,), (), (2,)), k=2)

    got = by_history(found, purchases)

    assert {name: one.customers.tolist() for name, one in got.items()} == {
        "with_history": [0],
        "without_history": [1, 3],
    }
    assert got["without_history"].reciprocal_rank.tolist() == [0.5, 0]
    assert list(by_history(got["with_history"], purchases)) == ["with_history"]


def test_customers_without_targets_are_left_out() -> None:
    got = quality(lists((0, 1), (2, 3), (0, 4)), matrix((0,), (), (4,)), k=2)

    assert got.customers.tolist() == [0, 2]
    assert got.recall.tolist() == [1, 1]


def test_an_empty_place_of_one_customer_is_no_hit_of_the_one_before() -> None:
    # -1 in the row after would be the last product of this one, had the places been flattened.
    got = quality(lists((0, 1), (-1, -1)), matrix((5,), (0,)), k=2)

    assert got.recall.tolist() == [0, 0]


def test_nobody_to_test_against_is_an_error() -> None:
    with pytest.raises(NotEnoughDataError, match="test window"):
        quality(lists((0, 1)), matrix(()), k=2)


@pytest.mark.parametrize(
    ("scope", "expected"), [("all", [[1, 2]]), ("repeat", [[1]]), ("new", [[2]])]
)
def test_targets_split_into_repeat_and_new(scope: Scope, expected: list[list[int]]) -> None:
    purchases = Purchases(times=matrix((0, 1)) * 7, recent=matrix((0, 1)), ever=matrix((0, 1)))

    got = targets_of(scope, matrix((1, 2)), purchases)

    assert [row.indices.tolist() for row in got] == expected


def test_what_was_sent_back_and_bought_once_more_is_neither_new_nor_repeat() -> None:
    purchases = Purchases(times=matrix((0,)), recent=matrix((0,)), ever=matrix((0, 1)))

    assert targets_of("repeat", matrix((1, 2)), purchases).indices.tolist() == []
    assert targets_of("new", matrix((1, 2)), purchases).indices.tolist() == [2]


def test_a_ranker_is_measured_in_the_scope_it_ranks() -> None:
    class Fixed:
        name = "fixed"

        def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
            assert scope == "new"
            return Ranked(lists((2, 3)), np.ones((len(purchases), n), np.float32))

    purchases = Purchases(times=matrix((0,)), recent=matrix((0,)), ever=matrix((0,)))

    got = evaluate(Fixed(), purchases, matrix((0, 3)), k=2, scope="new")

    assert (got.recall.tolist(), got.ndcg.tolist()) == ([1.0], pytest.approx([SECOND]))


def test_the_interval_holds_the_mean_and_repeats() -> None:
    values = np.random.default_rng(1).random(400)

    low, high = interval(values, seed=7)

    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * values.std() / 20, rel=0.15)
    assert interval(values, seed=7) == (low, high)


@pytest.mark.parametrize(
    ("scope", "says"), [("new", "anything new to them"), ("repeat", "anything again")]
)
def test_a_scope_that_nobody_can_be_measured_in_is_said_beforehand(scope: Scope, says: str) -> None:
    purchases = Purchases(times=matrix((0,)), recent=matrix((0,)), ever=matrix((0,)))
    bought = matrix((0,)) if scope == "new" else matrix((1,))

    require_targets(bought, purchases, ["all"])

    with pytest.raises(NotEnoughDataError, match=f"nobody bought {says}"):
        require_targets(bought, purchases, [scope])
