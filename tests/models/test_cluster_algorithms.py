from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from models import cluster_algorithms
from models.cluster_algorithms import (
    ALGORITHMS,
    OWN,
    hdbscan,
    kmeans,
    noise_share,
    sampled,
    ward,
)
from models.clusters import nearest

MIDDLES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])


def groups(size: int = 50) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.repeat(MIDDLES, size, axis=0) + random.normal(scale=0.3, size=(3 * size, 2))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_gives_the_middles_of_groups(name: str) -> None:
    (centres,) = ALGORITHMS[name](groups(), [3], 7).values()

    order = nearest(MIDDLES, centres)
    assert sorted(order.tolist()) == [0, 1, 2]
    assert np.abs(centres[order] - MIDDLES).max() < 0.2


def test_one_tree_serves_every_number_of_clusters() -> None:
    found = ward(groups(), [2, 3, 5], 7)

    assert {k: len(centres) for k, centres in found.items()} == {2: 2, 3: 3, 5: 5}


def test_ward_is_that_of_scikit_learn() -> None:
    points = groups()
    theirs = AgglomerativeClustering(n_clusters=3, linkage="ward").fit_predict(points)

    assert adjusted_rand_score(theirs, nearest(points, ward(points, [3], 7)[3])) == 1.0


def test_hdbscan_finds_its_own_number_and_leaves_out_noise() -> None:
    random = np.random.default_rng(1)
    points = np.concatenate([groups(100), random.uniform(-10, 10, size=(40, 2))])

    (centres,) = hdbscan(points, [7], 7).values()

    assert list(hdbscan(points, [7], 7)) == [OWN]
    assert len(centres) == 3
    assert 0.05 < noise_share(points, 7) < 0.15


def test_hdbscan_finds_nothing_in_what_is_even() -> None:
    assert hdbscan(np.random.default_rng(0).random((300, 6)), [3], 7) == {}


def test_the_same_seed_finds_the_same() -> None:
    first, second = (kmeans(groups(), [4], 7)[4] for _ in range(2))

    assert np.array_equal(first, second)


def test_many_points_are_sampled_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.arange(100.0)[:, None]
    monkeypatch.setattr(cluster_algorithms, "MOST", 10)

    few = sampled(points, 7, 10)[:, 0]

    assert len(few) == 10
    assert np.all(np.diff(few) > 0)
    assert sampled(points, 7, 100) is points
    assert len(ward(points, [2], 7)[2]) == 2
