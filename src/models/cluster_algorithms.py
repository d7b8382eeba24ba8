"""Ways to find clusters. Each is told by its centres, so that all place new customers alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN, KMeans

from models.clusters import Floats
from models.gate import MIN_SHARE

# Number of clusters asked for -> their centres, shape (k, n_columns). A number that the points
# do not give is absent, and one that the algorithm finds by itself is under `OWN`.
Found = dict[int, Floats]
Algorithm = Callable[[Floats, Sequence[int], int], Found]

OWN: Final = 0
MOST: Final = 5_000  # points of an algorithm that compares everybody with everybody
_STARTS: Final = 10
_NEIGHBOURS: Final = 10  # that make a place dense
_NOISE: Final = -1


def kmeans(points: Floats, ks: Sequence[int], seed: int) -> Found:
    """Find centres that minimise the squared distances to them, the best of ten starts."""
    return {
        k: KMeans(n_clusters=k, n_init=_STARTS, random_state=seed).fit(points).cluster_centers_
        for k in ks
    }


def ward(points: Floats, ks: Sequence[int], seed: int) -> Found:
    """Join the two clusters that lose least by it, again and again; one tree serves all `ks`.

    Source:
        Ward, "Hierarchical grouping to optimize an objective function", 1963. SciPy's tree is
        what scikit-learn's `AgglomerativeClustering` builds for each k anew.
    """
    few = sampled(points, seed, MOST)
    tree = linkage(few, method="ward")
    return {k: _means(few, fcluster(tree, k, criterion="maxclust")) for k in ks}


def hdbscan(points: Floats, ks: Sequence[int], seed: int) -> Found:
    """Find what lies densely, as many clusters as there are; none if there are not two.

    The noise has no part in the centres, and goes to the nearest one like everybody else.
    """
    del ks
    few = sampled(points, seed, MOST)
    labels = _dense(few)
    inside = labels != _NOISE
    return {OWN: _means(few[inside], labels[inside])} if labels.max() > 0 else {}


ALGORITHMS: Final[Mapping[str, Algorithm]] = {"k-means": kmeans, "ward": ward, "hdbscan": hdbscan}


def noise_share(points: Floats, seed: int) -> float:
    """Return which share of the points HDBSCAN leaves out as noise."""
    return float((_dense(sampled(points, seed, MOST)) == _NOISE).mean())


def sampled(points: Floats, seed: int, most: int) -> Floats:
    """Return at most so many of the points, in their order."""
    if len(points) <= most:
        return points
    chosen = np.random.default_rng(seed).choice(len(points), size=most, replace=False)
    return points[np.sort(chosen)]


def _dense(points: Floats) -> NDArray[np.int64]:
    least = max(2, round(MIN_SHARE * len(points)))
    neighbours = min(_NEIGHBOURS, len(points))
    found = HDBSCAN(min_cluster_size=least, min_samples=neighbours, copy=True).fit(points)
    labels: NDArray[np.int64] = found.labels_
    return labels


def _means(points: Floats, labels: NDArray[np.int64]) -> Floats:
    return np.stack([points[labels == label].mean(axis=0) for label in np.unique(labels)])
