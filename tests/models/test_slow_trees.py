from __future__ import annotations

import numpy as np
import pytest

from models.slow_trees import Bounds, grow, held_out, predicted, quantile


def amounts(n: int = 3_000, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Give amounts whose level depends on the first column; half of them are 0."""
    random = np.random.default_rng(seed)
    rows = random.uniform(0, 3, (n, 3))
    return rows, np.exp(rows[:, 0] + random.normal(size=n)) * (random.random(n) < 0.5)


def test_one_in_ten_is_beyond_each_bound_of_customers_never_seen() -> None:
    rows, amount = amounts()
    bounds = Bounds.fit(rows, amount, np.arange(len(rows)) % 3 == 0, seed=7)
    fresh, came = amounts(seed=8)

    low, high = bounds(fresh)

    assert (low <= high).all()
    assert (low >= 0).all()
    assert np.mean(came > high) == pytest.approx(0.1, abs=0.025)
    assert np.mean(came < low) <= 0.125


def test_the_same_input_gives_the_same_trees() -> None:
    rows, amount = amounts(500)

    one, two = (grow(rows, amount, quantile(0.5), seed=7, rounds=20) for _ in range(2))
    other = grow(rows, amount, quantile(0.5), seed=8, rounds=20)

    assert one.model_to_string() == two.model_to_string()
    assert (predicted(one, rows) != predicted(other, rows)).any()


def test_a_third_of_the_customers_is_held_out_with_all_their_rows() -> None:
    customers = np.repeat([f"c{number}" for number in range(99)], 4)

    got = held_out(customers, seed=7)

    assert got.sum() == len(customers) / 3
    assert {len(set(got[customers == each])) for each in np.unique(customers)} == {1}
    assert (got == held_out(customers, seed=7)).all()
