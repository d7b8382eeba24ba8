from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import NotEnoughDataError
from models.next_order import NextOrder


def waits(n: int = 3_000, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Give waits around the first column; a fifth of the customers does not come."""
    random = np.random.default_rng(seed)
    rows = random.uniform(3, 30, (n, 2))
    days = rows[:, 0] * random.gamma(6.0, 1 / 6.0, n)
    return rows, np.where(random.random(n) < 0.2, np.nan, np.minimum(days, 89.0))


@pytest.fixture(scope="module")
def model() -> NextOrder:
    rows, days = waits()
    return NextOrder.fit(rows, days, np.arange(len(rows)) % 3 == 0, longest=90.0, seed=7)


def test_the_day_in_the_middle_and_bounds_that_hold_eight_in_ten(model: NextOrder) -> None:
    rows, days = waits(seed=8)
    came = np.isfinite(days)

    got = model(rows)

    assert ((got.low <= got.middle) & (got.middle <= got.high) & (got.high <= 90)).all()
    assert np.mean((days < got.middle)[came]) == pytest.approx(0.5, abs=0.05)
    within = (days >= got.low) & (days <= got.high)
    assert within[came].mean() == pytest.approx(0.8, abs=0.05)


def test_comes_back_from_disk(model: NextOrder, tmp_path: Path) -> None:
    rows, _ = waits(50)
    rest = model.save(tmp_path)

    back = NextOrder.load(tmp_path, rest)

    for one, two in zip(back(rows), model(rows), strict=True):
        np.testing.assert_array_equal(one, two)


def test_too_few_orders_are_said() -> None:
    rows, days = waits(100)

    with pytest.raises(NotEnoughDataError, match="100 are needed"):
        NextOrder.fit(rows, days, np.arange(100) % 3 == 0, longest=90.0, seed=7)
