from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from models.exposure import coverage, diversity, exposure, features_of, gini, novelty
from tests.models.corner_shop import ALLOWED, assortment, purchases

# Four customers: bread was bought by all, eggs by two, milk by one, wine by nobody.
BOUGHT = purchases(
    (1, 1, 0, 0, 0, 0), (1, 1, 0, 0, 1, 0), (1, 0, 0, 0, 0, 0), (2, 0, 3, 0, 0, 0)
).times


@st.composite
def some_lists(draw: st.DrawFn) -> np.ndarray:
    """Draw five lists of up to three products, none twice."""
    rows = [draw(st.lists(st.integers(0, 5), max_size=3, unique=True)) for _ in range(5)]
    return np.array([row + [-1] * (3 - len(row)) for row in rows], dtype=np.int32)


def lists(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


def test_coverage_is_the_share_of_allowed_products_shown_to_anybody() -> None:
    assert coverage(lists((0, 1), (1, -1)), ALLOWED) == pytest.approx(2 / 5)  # petrol is no loss


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(lists((0, 1), (2, 3)), 0.0, id="all-alike"),
        pytest.param(lists((0, 0), (0, 0)), 3 / 4, id="all-to-one-of-four"),
        # Shown 0, 0, 1 and 3 times: (-3 * 0 - 1 * 0 + 1 * 1 + 3 * 3) / (4 * 4).
        pytest.param(lists((0, 1), (0, 0)), 10 / 16, id="one-and-three"),
    ],
)
def test_gini_says_how_unequally_products_are_shown(given: np.ndarray, expected: float) -> None:
    assert gini(given, np.ones(4, dtype=bool)) == pytest.approx(expected)


def test_novelty_is_the_surprise_in_bits() -> None:
    # Bread: all four bought it, 0 bits; eggs: half, 1 bit; wine: nobody, as if it were one, 2 bits.
    assert novelty(lists((0, 1), (5, -1)), BOUGHT) == pytest.approx((0 + 1 + 2) / 3)


def test_without_categories_products_are_alike_by_their_buyers() -> None:
    # Bread and eggs: two common buyers of four and two; bread and wine: none.
    features = features_of(assortment(), BOUGHT)

    assert diversity(lists((0, 1)), features) == pytest.approx(1 - 2 / math.sqrt(4 * 2))
    assert diversity(lists((0, 5)), features) == 1
    # Three pairs: bread and eggs .707, bread and milk .5, eggs and milk 0.
    assert diversity(lists((0, 1, 2)), features) == pytest.approx(1 - (2 / 8**0.5 + 0.5) / 3)


def test_with_categories_products_are_alike_by_the_levels_they_share() -> None:
    codes = {
        "department": np.array([0, 0, 0, 1, 2, -1], np.int32),
        "category": np.array([0, 1, 1, 2, 3, -1], np.int32),
    }
    features = features_of(replace(assortment(), **codes), BOUGHT)

    # Bread and eggs share the department, eggs and milk the category too, bread and tea nothing.
    pairs = [((0, 1), 0.5), ((1, 2), 0.0), ((0, 4), 1.0), ((0, 5), 1.0)]
    assert [diversity(lists(pair), features) for pair, _ in pairs] == pytest.approx(
        [expected for _, expected in pairs]
    )


def test_lists_of_one_have_no_diversity_and_empty_ones_show_nothing() -> None:
    one = exposure(lists((0, -1)), assortment(), BOUGHT)
    none = exposure(lists((-1, -1)), assortment(), BOUGHT)

    assert one.figures()["diversity"] is None
    assert none.figures() == {"coverage": 0, "gini": None, "novelty": None, "diversity": None}


@settings(max_examples=40)
@given(some_lists())
def test_figures_have_their_bounds_and_do_not_mind_the_order_of_customers(ids: np.ndarray) -> None:
    got = exposure(ids, assortment(), BOUGHT).figures()

    for name, highest in {"coverage": 1, "gini": 1, "novelty": 2, "diversity": 1}.items():
        value = got[name]
        assert value is None or -1e-12 <= value <= highest
    assert exposure(ids[::-1], assortment(), BOUGHT).figures() == pytest.approx(got, nan_ok=True)


@settings(max_examples=40)
@given(some_lists())
def test_diversity_is_the_mean_over_all_pairs(ids: np.ndarray) -> None:
    features = features_of(assortment(), BOUGHT)
    alike = (features @ features.T).toarray()
    full = [row[row >= 0] for row in ids if (row >= 0).sum() >= 2]
    pairs = [
        1 - np.mean([alike[a, b] for at, a in enumerate(row) for b in row[:at]]) for row in full
    ]
    got = diversity(ids, features)

    assert got == pytest.approx(np.mean(pairs), abs=1e-9) if pairs else math.isnan(got)


def test_the_lists_measured_for_diversity_are_the_same_every_time() -> None:
    generator = np.random.default_rng(1)
    ids = generator.permuted(np.tile(np.arange(6, dtype=np.int32), (5_000, 1)), axis=1)[:, :3]
    features = features_of(assortment(), BOUGHT)

    assert diversity(ids, features) == diversity(ids, features)
    assert diversity(ids, features) == pytest.approx(
        np.mean([diversity(ids[at::10], features) for at in range(10)]), abs=0.01
    )


def test_nothing_is_changed() -> None:
    before = BOUGHT.copy()

    exposure(lists((0, 1)), assortment(), BOUGHT)

    assert (before != BOUGHT).nnz == 0
    assert sparse.issparse(BOUGHT)
