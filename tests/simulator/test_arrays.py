from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.arrays import mixed, ragged, sample, spans, stable_order, stacked, taken, weighted

PAIR = np.dtype([("a", np.int64), ("b", np.int32)], align=True)


def test_ragged_rows_have_owners_and_positions() -> None:
    owner, position = ragged(np.array([2, 0, 3]))

    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert position.tolist() == [0, 1, 0, 1, 2]


def test_spans_follow_each_other() -> None:
    assert spans(np.array([7, 1, 4]), np.array([2, 0, 3])).tolist() == [7, 8, 4, 5, 6]


@pytest.mark.parametrize("share", [0.01, 0.3, 0.999, 1.0])
def test_a_sample_is_ascending_without_repeats_and_as_large_as_its_share(share: float) -> None:
    chosen = sample(np.random.default_rng(1), 40_000, share)

    assert (np.diff(chosen) > 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < 40_000
    assert len(chosen) == pytest.approx(40_000 * share, abs=4 * (40_000 * share) ** 0.5)


def test_everybody_is_sampled_alike() -> None:
    rng = np.random.default_rng(2)

    seen = sum(np.bincount(sample(rng, 10, 0.3), minlength=10) for _ in range(4_000))

    assert (abs(np.asarray(seen) / 4_000 - 0.3) < 0.03).all()


def test_draws_are_ascending_and_follow_their_weights() -> None:
    weights = np.array([1.0, 0.0, 3.0])

    drawn = weighted(np.random.default_rng(1), np.cumsum(weights), 40_000)

    assert (np.diff(drawn) >= 0).all()
    assert np.bincount(drawn, minlength=3) / 40_000 == pytest.approx([0.25, 0, 0.75], abs=0.01)


@given(st.lists(st.integers(-(2**62), 2**62)))
def test_the_order_is_that_of_a_stable_sort(keys: list[int]) -> None:
    column = np.array(keys, np.int64)

    assert stable_order(column).tolist() == np.argsort(column, kind="stable").tolist()


@given(st.lists(st.integers(0, 3), max_size=50))
def test_equal_keys_keep_their_order(keys: list[int]) -> None:
    column = np.array(keys, np.int64) + 1_700_000_000_000_000

    assert stable_order(column).tolist() == np.argsort(column, kind="stable").tolist()


def test_records_move_as_a_whole() -> None:
    rows = np.array([(1, 2), (3, 4)], PAIR)

    assert taken(rows, np.array([1, 1, 0]))["a"].tolist() == [3, 3, 1]
    assert stacked(PAIR, [rows, rows[:1]])["b"].tolist() == [2, 4, 2]
    assert len(stacked(PAIR, [])) == 0


def test_mixed_numbers_differ_and_repeat_with_their_salt() -> None:
    numbers = np.arange(100_000, dtype=np.uint64)

    once, again, other = mixed(numbers, 1), mixed(numbers, 1), mixed(numbers, 2)

    assert len(np.unique(once)) == 100_000
    assert (once == again).all()
    assert (once != other).all()
    assert (once >> np.uint64(63)).mean() == pytest.approx(0.5, abs=0.01)
