"""Golden numbers worked out by hand; discounts of the places are 1, 0.63093, 0.5, 0.43068."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import NotEnoughDataError
from models.evaluation import evaluate, interval, quality, require_targets, targets_of
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
