from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from models.value_metrics import gini, value_metrics


def of(truth: list[float], score: list[float], weights: list[float] | None = None) -> float:
    drawn = np.ones((1, len(truth))) if weights is None else np.array([weights])
    return float(gini(np.column_stack([truth, score]), drawn)[0])


def test_a_line_up_by_hand() -> None:
    # Spend 6, 3, 1, 0 of 10. Best line-up: shares .6 .9 1 1, area .25 * (.3 + .75 + .95 + 1) = .75.
    # Line-up 3, 6, 0, 1: shares .3 .9 .9 1, area .25 * (.15 + .6 + .9 + .95) = .65.
    assert of([6, 3, 1, 0], [3, 4, 1, 2]) == pytest.approx((2 * 0.65 - 1) / (2 * 0.75 - 1))


def test_the_best_line_up_is_one_the_worst_minus_one_and_all_alike_nothing() -> None:
    spend = [6.0, 3.0, 1.0, 0.0]

    assert of(spend, spend) == pytest.approx(1.0)
    assert of(spend, [-each for each in spend]) == pytest.approx(-1.0)
    assert of(spend, [5.0] * 4) == pytest.approx(0.0)


def test_nobody_spent_gives_nan() -> None:
    assert np.isnan(of([0.0, 0.0], [1.0, 2.0]))


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=30
    ).filter(lambda rows: sum(spend * times for spend, _, times in rows) > 0)
)
def test_a_weight_is_so_many_customers_alike(rows: list[tuple[int, int, int]]) -> None:
    truth, score, times = (list(map(float, column)) for column in zip(*rows, strict=True))
    repeated = [(spend, expected) for spend, expected, n in rows for _ in range(n)]
    spends, scores = (list(map(float, column)) for column in zip(*repeated, strict=True))

    assert of(truth, score, times) == pytest.approx(of(spends, scores), nan_ok=True)


@given(st.lists(st.integers(0, 9), min_size=3, max_size=30))
def test_only_the_order_of_expectations_counts(score: list[int]) -> None:
    truth = [float(each) for each in range(len(score))]

    assert of(truth, [*map(float, score)]) == pytest.approx(
        of(truth, [each**3 + 1.0 for each in score])
    )


def test_figures_by_hand() -> None:
    truth = pd.DataFrame({"orders": [2.0, 0.0], "spend": [100.0, 0.0]})
    expected = pd.DataFrame(
        {"orders": [1.0, 1.0], "spend": [60.0, 20.0], "low": [0.0, 5.0], "high": [90.0, 40.0]}
    ).assign(orders=[1.0, 0.5])

    got = value_metrics(truth, expected)

    assert got["total_ratio"] == pytest.approx(0.8)
    assert got["gini"] == pytest.approx(1.0)
    assert got["spearman"] == pytest.approx(1.0)
    assert got["orders_rmse"] == pytest.approx(np.sqrt((1 + 0.25) / 2))
    assert (got["coverage"], got["above"]) == (0.0, 0.5)


def test_without_bounds_there_is_no_coverage() -> None:
    truth = pd.DataFrame({"orders": [2.0, 0.0], "spend": [100.0, 0.0]})
    expected = truth.assign(low=np.nan, high=np.nan)

    assert "coverage" not in value_metrics(truth, expected)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        pytest.param({"orders": [1.0], "spend": [1.0]}, "2 customers against 1", id="too-few"),
        pytest.param({"orders": [1.0, np.inf], "spend": [1.0, 1.0]}, "finite", id="infinite"),
    ],
)
def test_says_what_it_cannot_judge(expected: dict[str, list[float]], message: str) -> None:
    truth = pd.DataFrame({"orders": [2.0, 0.0], "spend": [100.0, 0.0]})

    with pytest.raises(DataError, match=message):
        value_metrics(truth, pd.DataFrame(expected).assign(low=np.nan, high=np.nan))
