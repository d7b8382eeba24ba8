from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import sparse

from models.ranking import Ranked, best_cells, best_products, filled

COLUMNS = np.arange(4)
FACTORS = np.array([[3.0], [2.0], [0.0], [-1.0]], dtype=np.float32)
ONE = np.ones((1, 1), dtype=np.float32)


def cells(*rows: tuple[float, ...]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


def test_products_without_a_positive_score_never_get_through() -> None:
    assert best_products(ONE, FACTORS, 6, columns=COLUMNS).ids.tolist() == [[0, 1, -1, -1, -1, -1]]


def test_what_is_filtered_does_not_come_back_at_the_end() -> None:
    got = best_products(ONE, FACTORS, 4, columns=COLUMNS, without=cells((1, 0, 0, 0)))

    assert got.ids.tolist() == [[1, -1, -1, -1]]
    assert got.scores.tolist() == [[2, 0, 0, 0]]


def test_ids_are_those_of_the_columns_ranked() -> None:
    got = best_products(
        ONE, FACTORS[:2], 2, columns=np.array([5, 9]), without=cells((0,) * 5 + (1,) + (0,) * 4)
    )

    assert got.ids.tolist() == [[9, -1]]


def test_nobody_and_nothing_give_empty_lists() -> None:
    assert best_products(ONE[:0], FACTORS, 2, columns=COLUMNS).ids.shape == (0, 2)
    assert best_products(ONE, FACTORS[:0], 2, columns=COLUMNS[:0]).ids.tolist() == [[-1, -1]]
    assert best_cells(sparse.csr_matrix((2, 3), dtype=np.float32), 1).ids.tolist() == [[-1], [-1]]


def test_cells_are_ranked_by_row_and_equal_ones_by_product() -> None:
    got = best_cells(cells((1, 5, 1, 0), (0, 0, 0, 0), (0, 0, -2, 4)), 3)

    assert got.ids.tolist() == [[1, 0, 2], [-1, -1, -1], [3, -1, -1]]
    assert got.scores.tolist() == [[5, 1, 1], [0, 0, 0], [4, 0, 0]]


def test_empty_places_are_filled_without_repeats() -> None:
    first = Ranked(np.array([[7, -1, -1], [1, 2, 3]]), np.array([[9.0, 0, 0], [3, 2, 1]]))
    second = Ranked(np.array([[7, 8, 9], [4, 5, 6]]), np.array([[6.0, 5, 4], [6, 5, 4]]))

    got, from_second = filled(first, second)

    assert got.ids.tolist() == [[7, 8, 9], [1, 2, 3]]
    assert got.scores.tolist() == [[9, 5, 4], [3, 2, 1]]
    assert from_second.tolist() == [[False, True, True], [False, False, False]]


SCORES = st.one_of(st.floats(-4, 4, width=32), st.sampled_from([0.0, np.nan, 1.0, 1e-30, 1e30]))


@given(arrays(np.float32, (3, 12), elements=SCORES), st.integers(1, 14))
def test_the_first_are_those_of_sorting_everything(scores: NDArray[np.float32], n: int) -> None:
    got = best_cells(sparse.csr_matrix(scores), n)

    for row, ids in zip(scores, got.ids.tolist(), strict=True):
        wanted = sorted(np.flatnonzero(row > 0).tolist(), key=lambda one: (-row[one], one))[:n]
        assert ids == wanted + [-1] * (n - len(wanted))


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    few = sparse.random(60_000, 5_000, 0.002, format="csr", dtype=np.float32, random_state=1)
    tracemalloc.start()
    best_cells(few, 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 20 * few.data.nbytes
