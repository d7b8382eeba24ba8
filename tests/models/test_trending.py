from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.trending import trending
from tests.models.corner_shop import assortment


@pytest.mark.parametrize(
    ("week", "month", "times"),
    [
        pytest.param(5, 5, 2.0, id="out-of-nothing: (5 + 5) / (0 + 5)"),
        pytest.param(20, 43, 25 / 12, id="three-times-its-level: 23 in 23 days are 7 a week"),
        pytest.param(7, 30, 0.0, id="as-ever"),
        pytest.param(2, 2, 0.0, id="two-orders-are-chance"),
        pytest.param(0, 40, 0.0, id="it-was-a-hit"),
    ],
)
def test_a_trend_is_a_week_against_the_weeks_before(
    week: float, month: float, times: float
) -> None:
    stock = assortment((int(month), 0, 0, 0, 0, 0))
    stock = replace(stock, sold_week=np.array([week, 0, 0, 0, 0, 0], np.float32))

    assert trending(stock)[0] == pytest.approx(times)


def test_without_times_nothing_is_known_to_trend() -> None:
    assert trending(assortment()).tolist() == [0.0] * 6
