from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Sigmoid, Steps, log_odds


def test_finds_the_sigmoid_that_made_the_labels() -> None:
    random = np.random.default_rng(7)
    score = random.normal(3.0, 2.0, 40_000)
    label = random.random(len(score)) < Sigmoid(0.8, -1.5)(score)

    got = Sigmoid.fit(score, label)

    assert got.slope == pytest.approx(0.8, abs=0.03)
    assert got.intercept == pytest.approx(-1.5, abs=0.1)


def test_mean_probability_is_the_share_of_buyers() -> None:
    score = np.array([0.0, 1.0, 2.0, 3.0] * 250)
    label = np.array([0, 0, 1, 1, 0, 1, 0, 1] * 125)

    assert Sigmoid.fit(score, label)(score).mean() == pytest.approx(0.5, abs=1e-3)


def test_separated_classes_and_a_constant_score_stay_finite() -> None:
    label = np.array([0, 0, 0, 1])

    apart = Sigmoid.fit(np.array([1.0, 2.0, 3.0, 4.0]), label)
    flat = Sigmoid.fit(np.ones(4), label)

    assert np.isfinite([apart.slope, apart.intercept, flat.intercept]).all()
    assert flat(np.ones(1))[0] == pytest.approx(np.mean([1 / 5, 1 / 5, 1 / 5, 2 / 3]), abs=1e-4)


def test_steps_follow_a_curve_that_no_sigmoid_has() -> None:
    random = np.random.default_rng(7)
    score = random.uniform(-1, 1, 40_000)
    truth = np.where(score < 0, 0.2, 0.7)

    got = Steps.fit(score, random.random(len(score)) < truth)

    np.testing.assert_allclose(got(np.array([-0.5, 0.5])), [0.2, 0.7], atol=0.02)


@given(
    st.lists(
        st.tuples(st.floats(-9, 9, allow_subnormal=False), st.booleans()), min_size=2, max_size=60
    )
)
def test_steps_never_fall_and_are_never_sure(pairs: list[tuple[float, bool]]) -> None:
    score, label = (np.array(column) for column in zip(*pairs, strict=True))

    got = Steps.fit(score, label)(np.sort(score))

    assert (np.diff(got) >= -1e-12).all()
    assert ((got > 0) & (got < 1)).all()


def test_log_odds_of_what_is_sure_are_finite() -> None:
    found = log_odds(np.array([0.0, 0.5, 1.0]))

    assert found[1] == 0
    assert found[2] == pytest.approx(-found[0], rel=1e-6)
    assert np.isfinite(found).all()
