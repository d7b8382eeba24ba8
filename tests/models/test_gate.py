from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from core.errors import DataError, NotEnoughDataError
from models.gate import (
    Interval,
    Verdict,
    auc,
    bootstrap,
    decide,
    decide_clusters,
    mean,
    paired_bootstrap,
)

Floats = NDArray[np.float64]
MARGIN = 0.01


def scored(label: list[int], score: list[float]) -> Floats:
    return np.column_stack([np.array(label, float), np.array(score)])


def noisy(gain: float, *, seed: int, n: int = 400) -> Floats:
    """A figure per customer: what all models share, plus `gain`, plus a little noise."""
    shared = np.random.default_rng(0).normal(size=n)
    return shared + gain + np.random.default_rng(seed).normal(scale=0.05, size=n)


@pytest.mark.parametrize(
    ("label", "score", "expected"),
    [
        pytest.param([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75, id="three-of-four-pairs"),
        pytest.param([0, 1], [0.5, 0.5], 0.5, id="a-tie-counts-half"),
        pytest.param([0, 1, 1], [0.9, 0.1, 0.2], 0.0, id="all-wrong"),
    ],
)
def test_auc_counts_pairs_in_the_right_order(
    label: list[int], score: list[float], expected: float
) -> None:
    assert auc(scored(label, score), np.ones((1, len(label)))).tolist() == [expected]


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.integers(0, 3)),
        min_size=2,
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_weight_of_three_is_the_same_as_three_rows(rows: list[tuple[int, float, int]]) -> None:
    label, score, count = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    values = np.column_stack([label, score])

    got = auc(values, count[None, :])[0]

    repeated = np.repeat(values, count.astype(int), axis=0)
    if len(set(repeated[:, 0])) < 2:
        assert np.isnan(got)
    else:
        assert got == pytest.approx(roc_auc_score(repeated[:, 0], repeated[:, 1]))


def test_mean_weighs_rows_by_how_often_they_were_drawn() -> None:
    got = mean(np.array([1.0, 4.0]), np.array([[1.0, 1.0], [2.0, 1.0], [0.0, 3.0]]))

    assert got.tolist() == [2.5, 2.0, 4.0]


def test_the_interval_has_the_numbers_worked_out_before() -> None:
    got = paired_bootstrap(noisy(0.1, seed=1), noisy(0.0, seed=2), metric=mean, seed=7)

    assert got.gain == pytest.approx(0.1, abs=0.01)
    # Standard error by hand: sqrt(2) * 0.05 / sqrt(400) = 0.0035.
    assert got.high - got.low == pytest.approx(2 * 1.96 * 0.0035, rel=0.1)
    assert got.low < got.gain < got.high


def test_a_model_against_itself_gains_nothing_in_any_resample() -> None:
    values = noisy(0.3, seed=3)

    assert paired_bootstrap(values, values, metric=mean, seed=7) == Interval(0.0, 0.0, 0.0)


def test_the_same_seed_gives_the_same_interval_and_sides_mirror() -> None:
    one, other = noisy(0.1, seed=1), noisy(0.0, seed=2)

    first = paired_bootstrap(one, other, metric=mean, seed=7)
    again = paired_bootstrap(one, other, metric=mean, seed=7)
    mirrored = paired_bootstrap(other, one, metric=mean, seed=7)

    assert first == again
    assert (mirrored.gain, mirrored.low, mirrored.high) == pytest.approx(
        (-first.gain, -first.high, -first.low)
    )


def test_repeating_a_customers_rows_does_not_make_the_interval_tighter() -> None:
    one, other = noisy(0.1, seed=1), noisy(0.0, seed=2)
    customers = np.array([f"customer-{n}" for n in range(len(one))])

    single = paired_bootstrap(one, other, metric=mean, seed=7, units=customers)
    fourfold = paired_bootstrap(
        np.repeat(one, 4),
        np.repeat(other, 4),
        metric=mean,
        seed=7,
        units=np.repeat(customers, 4),
    )

    assert (fourfold.low, fourfold.high) == pytest.approx((single.low, single.high))


def test_refuses_sides_of_different_length() -> None:
    with pytest.raises(DataError, match="2 against 3"):
        paired_bootstrap(np.zeros(2), np.zeros(3), metric=mean, seed=7)


def test_refuses_a_slice_with_nobody_or_only_buyers_in_it() -> None:
    with pytest.raises(NotEnoughDataError, match="no rows"):
        paired_bootstrap(np.zeros(0), np.zeros(0), metric=mean, seed=7)
    with pytest.raises(NotEnoughDataError, match="same label"):
        paired_bootstrap(scored([1, 1], [0.1, 0.2]), scored([1, 1], [0.1, 0.2]), metric=auc, seed=7)


@pytest.mark.parametrize(
    ("candidate", "champion", "winner", "promote"),
    [
        pytest.param(0.10, None, "candidate", True, id="first-champion-needs-only-the-baseline"),
        pytest.param(0.00, None, "baseline", True, id="baseline-wins-and-is-the-first-champion"),
        pytest.param(0.10, 0.05, "candidate", True, id="beats-the-champion-too"),
        pytest.param(0.10, 0.20, "candidate", False, id="worse-than-the-champion"),
        pytest.param(0.00, 0.10, "baseline", False, id="baseline-wins-but-the-champion-is-better"),
        pytest.param(0.00, -0.10, "baseline", True, id="baseline-replaces-a-spoilt-champion"),
    ],
)
def test_the_gate_decides(
    candidate: float, champion: float | None, winner: str, promote: bool
) -> None:
    got = decide(
        candidate=noisy(candidate, seed=1),
        baseline=noisy(0.0, seed=2),
        champion=None if champion is None else noisy(champion, seed=3),
        metric=mean,
        margin=MARGIN,
        seed=7,
    )

    assert (got.winner, got.promote) == (winner, promote)
    assert got.over_baseline is not None
    assert (got.over_champion is None) == (champion is None)


@pytest.mark.parametrize("candidate", [0.10, 0.00], ids=["won", "lost"])
def test_the_verdict_names_the_rule_it_was_measured_by(candidate: float) -> None:
    got = decide(
        candidate=noisy(candidate, seed=1),
        baseline=noisy(0.0, seed=2),
        champion=None,
        metric=mean,
        margin=MARGIN,
        seed=7,
        rule="rfm-sum",
    )

    assert f"{'beats' if candidate else 'does not beat'} rfm-sum" in got.why
    assert "the baseline" not in got.why


def test_a_gain_within_the_noise_passes_only_inside_the_margin() -> None:
    champion = noisy(0.1, seed=1)
    candidate = champion + 0.001 + np.tile([0.05, -0.05], len(champion) // 2)

    def promoted(margin: float) -> bool:
        return decide(
            candidate=candidate,
            baseline=noisy(0.0, seed=2),
            champion=champion,
            metric=mean,
            margin=margin,
            seed=7,
        ).promote

    gain = paired_bootstrap(candidate, champion, metric=mean, seed=7)
    assert gain.gain > 0 > gain.low
    assert promoted(-gain.low * 1.01)
    assert not promoted(-gain.low * 0.99)


def test_clusters_pass_when_stable_and_none_is_tiny() -> None:
    assert decide_clusters(stability=0.75, smallest=0.05).promote
    assert not decide_clusters(stability=0.74, smallest=0.30).promote
    assert not decide_clusters(stability=0.99, smallest=0.04).promote


def test_the_champions_own_recipe_on_newer_data_renews_it() -> None:
    better, rule = noisy(0.1, seed=1), noisy(0, seed=2)

    def decided(renews: Literal["candidate", "baseline"] | None) -> Verdict:
        return decide(
            candidate=better,
            baseline=rule,
            champion=better,
            metric=mean,
            margin=MARGIN,
            seed=7,
            renews=renews,
        )

    assert decided("candidate").promote
    assert "replaces the champion (the same recipe, learnt from newer data)" in (
        decided("candidate").why
    )
    assert not decided(None).promote
    assert not decided("baseline").promote  # the baseline did not win


def test_a_champion_that_has_seen_the_slice_stays() -> None:
    better, rule = noisy(0.1, seed=1), noisy(0, seed=2)

    verdict = decide(
        candidate=better,
        baseline=rule,
        champion=None,
        metric=mean,
        margin=MARGIN,
        seed=7,
        stays=True,
    )

    assert not verdict.promote
    assert "has seen the slice and stays" in verdict.why


def test_the_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)

    low, high = bootstrap(values, metric=mean, seed=7)

    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.02)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.02)


def test_rows_of_one_customer_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(3).normal(0.0, 1.0, 50), 8)

    alone = np.diff(bootstrap(values, metric=mean, seed=7))
    together = np.diff(bootstrap(values, metric=mean, seed=7, units=np.repeat(range(50), 8)))

    assert together == pytest.approx(alone * np.sqrt(8), rel=0.15)
