from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from core.errors import DataError, NotEnoughDataError
from models.scoring_metrics import (
    auc,
    brier,
    calibration_bins,
    ece,
    log_loss,
    scoring_intervals,
    scoring_metrics,
)


def test_auc_counts_pairs_and_halves_ties() -> None:
    # Buyers .8 and .4 against non-buyers .4 and .2: 1 + 1 + 0.5 + 1 of 4 pairs.
    assert auc([1, 1, 0, 0], [0.8, 0.4, 0.4, 0.2]) == 3.5 / 4


def test_log_loss_is_the_mean_surprise() -> None:
    assert log_loss([1, 0], [0.5, 0.2]) == pytest.approx((math.log(2) - math.log(0.8)) / 2)


def test_a_sure_mistake_is_very_bad_but_finite() -> None:
    assert 30 < log_loss([1], [0.0]) < 40


def test_brier_is_the_mean_squared_distance() -> None:
    assert brier([1, 0], [0.5, 0.2]) == pytest.approx((0.25 + 0.04) / 2)


def test_ece_weighs_bins_by_their_customers() -> None:
    # Four at .25 of whom 1 bought (right), one at .9 who did not: 1/5 of .9.
    assert ece([1, 0, 0, 0, 0], [0.25] * 4 + [0.9], bins=2) == pytest.approx(0.9 / 5)


def test_equal_probabilities_share_a_bin_whatever_the_order_of_rows() -> None:
    label, probability = np.array([1, 1, 0, 0]), np.full(4, 0.5)

    assert ece(label, probability) == ece(label[::-1], probability) == 0.0
    assert calibration_bins(label, probability)[2].tolist() == [4.0]


def test_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(7)
    probability = random.integers(1, 20, 500) / 20
    label = (random.random(500) < probability).astype(int)

    got = scoring_metrics(label, probability)

    assert got["auc"] == pytest.approx(sk.roc_auc_score(label, probability), rel=1e-12)
    assert got["log_loss"] == pytest.approx(sk.log_loss(label, probability), rel=1e-12)
    assert got["brier"] == pytest.approx(sk.brier_score_loss(label, probability), rel=1e-12)


def test_one_class_has_no_auc() -> None:
    with pytest.raises(NotEnoughDataError, match="both"):
        auc([1, 1], [0.1, 0.2])


@pytest.mark.parametrize(
    ("label", "score"),
    [([1, 0], [0.5]), ([], []), ([2, 0], [0.5, 0.5]), ([1, 0], [0.5, math.nan])],
    ids=["lengths", "empty", "label-2", "nan"],
)
def test_nonsense_is_refused(label: list[float], score: list[float]) -> None:
    with pytest.raises(DataError):
        log_loss(label, score)


def test_intervals_hold_their_metric_and_grow_narrow_with_customers() -> None:
    random = np.random.default_rng(7)
    probability = random.random(2_000)
    label = (random.random(2_000) < probability).astype(int)

    few = scoring_intervals(label[:200], probability[:200], seed=7)
    many = scoring_intervals(label, probability, seed=7)

    assert set(many) == {"auc", "log_loss", "brier"}
    metrics = scoring_metrics(label, probability)
    for name, (low, high) in many.items():
        assert low < metrics[name] < high
        assert high - low < 0.5 * np.ptp(few[name])
    assert scoring_intervals(label, probability, seed=7) == many
