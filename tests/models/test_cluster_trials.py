from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotEnoughDataError
from models.cluster_trials import Future, Trial, choose, eta_squared, try_algorithm


def trial(
    k: int,
    stability: float,
    smallest: float = 0.2,
    tells: float = float("nan"),
    *,
    algorithm: str = "k-means",
    noise: float = 0.0,
) -> Trial:
    return Trial(
        algorithm=algorithm,
        k=k,
        stability=stability,
        worst=0.5,
        smallest=smallest,
        silhouette=0.9 / k,
        noise=noise,
        eta_ordered=tells,
        eta_spent=tells,
    )


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        pytest.param([trial(3, 0.99), trial(4, 0.91), trial(5, 0.8)], 4, id="largest-stable"),
        pytest.param([trial(3, 0.99), trial(4, 0.95, 0.01)], 3, id="not-with-a-tiny-cluster"),
        pytest.param([trial(3, 0.6), trial(4, 0.7)], 4, id="none-stable-then-the-most-stable"),
        pytest.param([trial(3, 0.6, 0.01), trial(4, 0.5, 0.02)], 3, id="all-tiny"),
        pytest.param(
            [trial(3, 0.99, tells=0.30), trial(4, 0.91, tells=0.20), trial(5, 0.92, tells=0.31)],
            5,
            id="what-says-most-about-the-future",
        ),
        pytest.param(
            [trial(3, 0.99, tells=0.308), trial(5, 0.92, tells=0.310)],
            3,
            id="of-who-says-as-much-the-most-stable",
        ),
        pytest.param(
            [trial(3, 0.95, tells=0.1), trial(5, 0.7, tells=0.4)], 3, id="not-what-is-unstable"
        ),
        pytest.param(
            [trial(3, 0.95, tells=0.1), trial(2, 0.99, tells=0.4, noise=0.3)],
            3,
            id="not-what-leaves-many-out",
        ),
    ],
)
def test_chosen_by_stability_size_and_future_not_by_silhouette(
    trials: list[Trial], expected: int
) -> None:
    assert choose(trials).k == expected


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        pytest.param(
            [trial(3, 0.95, tells=0.2), trial(4, 0.8, tells=0.3)], 4, id="while-it-passes"
        ),
        pytest.param([trial(3, 0.95, tells=0.2), trial(4, 0.7, tells=0.3)], 3, id="too-unstable"),
        pytest.param(
            [trial(3, 0.95, tells=0.303), trial(4, 0.92, tells=0.3)], 4, id="another-says-no-more"
        ),
        pytest.param(
            [trial(3, 0.95, tells=0.31), trial(4, 0.92, tells=0.3)], 3, id="another-says-more"
        ),
        pytest.param([trial(4, 0.8), trial(5, 0.95)], 4, id="without-a-future"),
    ],
)
def test_the_champions_own_recipe_stays_while_nothing_speaks_against_it(
    trials: list[Trial], expected: int
) -> None:
    assert choose(trials, incumbent="k-means, k=4").k == expected


def test_eta_squared_is_the_share_of_variance_between_groups() -> None:
    # Between: 2 * 4 + 2 * 4 = 16 around the mean of 4; all: 9 + 1 + 1 + 9 = 20.
    assert eta_squared(np.array([0, 0, 9, 9]), np.array([1, 3, 5, 7])) == pytest.approx(0.8)


def test_values_that_are_all_the_same_have_nothing_to_explain() -> None:
    assert eta_squared(np.array([0, 1, 1]), np.array([True, True, True])) == 0.0


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6)), min_size=2))
def test_eta_squared_is_a_share_and_names_of_groups_do_not_matter(
    rows: list[tuple[int, float]],
) -> None:
    labels, values = (np.array(column) for column in zip(*rows, strict=True))
    share = eta_squared(labels, values)

    assert -1e-9 <= share <= 1 + 1e-9
    assert eta_squared(10 - labels, values) == pytest.approx(share, abs=1e-9)


def three(seed: int = 0) -> np.ndarray:
    """Three round groups of 60 points each, far apart."""
    random = np.random.default_rng(seed)
    return np.repeat([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]], 60, axis=0) + random.normal(
        scale=0.3, size=(180, 2)
    )


@pytest.mark.parametrize("algorithm", ["k-means", "ward", "hdbscan"])
def test_every_algorithm_finds_plain_groups_again_and_what_they_did(algorithm: str) -> None:
    group = np.repeat([0, 1, 2], 60)
    future = Future(points=three(1), ordered=group > 0, spent=group.astype(float))

    trials = try_algorithm(algorithm, three(), (3,), seed=7, refits=3, future=future)

    (found,) = trials
    assert found.k == 3
    assert found.stability > 0.99
    assert found.smallest == pytest.approx(1 / 3)
    assert found.eta_ordered == pytest.approx(1.0)
    assert found.eta_spent == pytest.approx(1.0)


def test_what_is_not_known_of_the_future_is_not_told() -> None:
    (found,) = try_algorithm("k-means", three(), (3,), seed=7, refits=1)

    assert np.isnan(found.tells)


def test_no_groups_are_no_trial_of_hdbscan() -> None:
    even = np.random.default_rng(0).random((300, 6))

    assert try_algorithm("hdbscan", even, (3,), seed=7, refits=1) == []


def test_points_that_are_all_alike_are_said_so() -> None:
    with pytest.raises(NotEnoughDataError, match="resemble each other too much"):
        try_algorithm("ward", np.zeros((20, 2)), (3,), seed=7, refits=1)


def test_progress_is_told_after_each_refit() -> None:
    told: list[int] = []

    try_algorithm("ward", three(), (3, 4), seed=7, refits=5, advance=told.append)

    assert told == [1] * 5
