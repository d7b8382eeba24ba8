"""Which clusters to take: those found again, none tiny, that say most about the future.

Silhouette alone picks the worst segmentation: two clusters, one of them the long tail. So it
is reported only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, silhouette_score

from core.errors import NotEnoughDataError
from models.cluster_algorithms import ALGORITHMS, Found, noise_share
from models.clusters import Floats, nearest
from models.gate import MIN_SHARE, MIN_STABILITY

REFITS: Final = 20  # resamples per contender
STABLE: Final = 0.90  # mean adjusted Rand index from which clusters count as reproducible
MAX_NOISE: Final = 0.10  # above, the dense places do not divide the shop: they leave it out
WORTH: Final = 0.005  # of eta squared: less of a difference does not decide
_SILHOUETTE_SAMPLE: Final = 3_000  # the silhouette compares everybody with everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """Customers as of an earlier cut-off, and what they did after it."""

    points: Floats  # shape (n, n_columns), where they lay then
    ordered: NDArray[np.bool_]  # within the horizon
    spent: Floats  # within the horizon, as ranks among them: money has a long tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one algorithm with one number of clusters did."""

    algorithm: str
    k: int
    stability: float  # mean adjusted Rand index of refits on resamples, 1 is the same again
    worst: float  # the least alike refit
    smallest: float  # share of the smallest cluster
    silhouette: float  # reported only
    noise: float = 0.0  # share that HDBSCAN puts into no cluster
    eta_ordered: float = nan  # eta squared of who ordered later; nan: no later time is known
    eta_spent: float = nan  # eta squared of the rank of what was spent later

    @property
    def name(self) -> str:
        """The contender, as tables show it."""
        return f"{self.algorithm}, k={self.k}"

    @property
    def tells(self) -> float:
        """How much the clusters say about what customers do later, 0 to 1."""
        return (self.eta_ordered + self.eta_spent) / 2


def eta_squared(labels: NDArray[Any], values: NDArray[Any]) -> float:
    """Return which share of the variance of `values` lies between the groups, 0 to 1.

    Values that are all the same have none to explain: 0.

    Source:
        The correlation ratio, Fisher, "Statistical Methods for Research Workers", 1925.
    """
    own = values.astype(np.float64)
    total = ((own - own.mean()) ** 2).sum()
    if total == 0:
        return 0.0
    group = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(group)
    means = np.bincount(group, weights=own) / sizes
    return float((sizes * (means - own.mean()) ** 2).sum() / total)


def try_algorithm(
    name: str,
    points: Floats,
    ks: Sequence[int],
    *,
    seed: int,
    refits: int = REFITS,
    future: Future | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Trial]:
    """Cluster `points`, then again on resamples, and see how alike the results are.

    What the clusters say about the future is told by clusters found among the customers of
    `future`, so that nothing of the future is in those that will be registered.

    Raises:
        NotEnoughDataError: The points resemble each other too much.

    Source:
        Stability by bootstrap: Hennig, "Cluster-wise assessment of cluster stability",
        CSDA 2007; likeness by Hubert & Arabie, "Comparing partitions", 1985.
    """
    find = ALGORITHMS[name]
    random = np.random.default_rng(seed)
    found = find(points, ks, seed)
    again = []
    for refit in range(refits):
        drawn = points[random.integers(len(points), size=len(points))]
        again.append(find(drawn, ks, seed + refit + 1))
        advance(1)
    before: Found = find(future.points, ks, seed) if future else {}
    trials = []
    for k, centres in found.items():
        # Clusters that a resample does not have at all are not found again.
        trial = _judged(name, points, centres, [one.get(k) for one in again], seed)
        trials.append(_told(trial, future, before[k]) if future and k in before else trial)
    return trials


def _judged(
    name: str, points: Floats, centres: Floats, again: Sequence[Floats | None], seed: int
) -> Trial:
    labels = nearest(points, centres)
    if labels.min() == labels.max():
        raise NotEnoughDataError(
            f"{len(points)} customers resemble each other too much for clusters. "
            "Import more, or give a later --as-of."
        )
    alike = [
        0.0 if one is None else adjusted_rand_score(labels, nearest(points, one)) for one in again
    ]
    return Trial(
        algorithm=name,
        k=len(centres),
        stability=float(np.mean(alike)),
        worst=float(np.min(alike)),
        smallest=float(np.bincount(labels, minlength=len(centres)).min() / len(labels)),
        silhouette=_silhouette(points, labels, seed),
        noise=noise_share(points, seed) if name == "hdbscan" else 0.0,
    )


def _told(trial: Trial, future: Future, centres: Floats) -> Trial:
    labels = nearest(future.points, centres)
    return replace(
        trial,
        eta_ordered=eta_squared(labels, future.ordered),
        eta_spent=eta_squared(labels, future.spent),
    )


def choose(trials: Sequence[Trial], *, incumbent: str = "") -> Trial:
    """Return who is stable, without a tiny cluster, and says most about the future.

    Of those who say as much, the most stable. Where no future is known: the stable one with
    most clusters. If nobody is stable, the most stable one.

    Args:
        trials: How the contenders did.
        incumbent: Name of the contender that the champion was. It needs only the gate's
            stability, and wins where another does not say more: a number of clusters that
            changes with every retrain moves everybody.
    """
    whole = [trial for trial in trials if trial.noise <= MAX_NOISE] or list(trials)
    roomy = [trial for trial in whole if trial.smallest >= MIN_SHARE] or whole
    stable = [
        trial
        for trial in roomy
        if trial.stability >= (MIN_STABILITY if trial.name == incumbent else STABLE)
    ]
    if not stable:
        return max(roomy, key=lambda trial: trial.stability)
    told = [trial for trial in stable if not isnan(trial.tells)]
    most = max((trial.tells for trial in told), default=nan)
    level = [trial for trial in told if trial.tells >= most - WORTH] or stable
    if kept := [trial for trial in level if trial.name == incumbent]:
        return kept[0]
    if told:
        return max(level, key=lambda trial: trial.stability)
    return max(level, key=lambda trial: (trial.k, trial.stability))


def _silhouette(points: Floats, labels: NDArray[np.int64], seed: int) -> float:
    few = min(len(points), _SILHOUETTE_SAMPLE)
    return float(silhouette_score(points, labels, sample_size=few, random_state=seed))
