"""Finding clusters that would be found again: k by stability under resampling.

Silhouette alone picks the worst segmentation: two clusters, one of them the long tail. So k is
the largest number of clusters that resampled data reproduce, with none too small to write to;
silhouette is reported only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from core.errors import NotEnoughDataError
from features.affinity import SHARE_PREFIX
from features.definitions.orders import BASKET_LINES, DISCOUNT_SHARE, GAP_MEAN, RECENCY_DAYS
from features.registry import ORDER_VALUE, ORDERS, REVENUE
from models.cluster_names import names_of, traits_of
from models.clusters import (
    Cluster,
    Clusters,
    Floats,
    QuantileScale,
    is_quiet,
    measured,
    nearest,
)
from models.gate import MIN_SHARE

KS: Final = range(3, 9)
REFITS: Final = 20  # resamples per k
STABLE: Final = 0.90  # mean adjusted Rand index from which a k counts as reproducible
MIN_CUSTOMERS: Final = 200
_SAMPLE: Final = 20_000  # customers that k is chosen on; the clusters are fitted on all
_SILHOUETTE_SAMPLE: Final = 3_000  # the silhouette compares everybody with everybody
_STARTS: Final = 10

# What one distance is made of. Features of a block share its weight, so that four ways to say
# "often" do not count four times. Money is rhythm times basket and needs no block.
_RHYTHM: Final = (RECENCY_DAYS.name, ORDERS[1].name, ORDERS[2].name, GAP_MEAN.name)
_BASKET: Final = (BASKET_LINES.name, ORDER_VALUE.name)
_DISCOUNT: Final = (DISCOUNT_SHARE.name,)
_RHYTHM_WEIGHT: Final = 1.0
_BASKET_WEIGHT: Final = 1.0
_TASTE_WEIGHT: Final = 0.8
_DISCOUNT_WEIGHT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one k did."""

    k: int
    stability: float  # mean adjusted Rand index of refits on resamples, 1 is the same again
    worst: float  # the least alike refit
    smallest: float  # share of the smallest cluster
    silhouette: float  # reported only


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The chosen clusters, how all k did, and how the usual recipe would have done."""

    model: Clusters
    naive: Trial
    trials: tuple[Trial, ...]
    chosen: Trial
    labels: NDArray[np.int64]  # of the customers learnt from, in the order of the frame


def fit_clusters(
    frame: pd.DataFrame,
    *,
    seed: int,
    ks: Sequence[int] = KS,
    refits: int = REFITS,
    advance: Callable[[int], None] = lambda _: None,
) -> Fitted:
    """Choose k, fit the clusters on everybody, name them.

    Args:
        frame: One row per customer: the features of `features.registry.CLUSTERS` and shares of
            departments from `features.affinity.affinity_shares`, gaps allowed. Other columns
            are ignored.
        seed: Repeats everything.
        ks: Numbers of clusters to try.
        refits: Resamples per k.
        advance: Called with 1 after each k.

    Raises:
        NotEnoughDataError: Too few customers to find groups among.
    """
    require_customers(frame)
    columns, weights = _space(frame)
    values = measured(frame, columns)
    scale = QuantileScale.fit(values, weights)
    points = scale.scale(values)
    # One thread: sums in a fixed order give the same clusters on every machine and every day.
    with threadpool_limits(limits=1):
        sample = _sample(points, seed)
        trials = []
        for k in ks:
            trials.append(try_k(sample, k, seed=seed, refits=refits))
            advance(1)
        chosen = choose(trials)
        naive = _naive(
            frame[list(columns)].to_numpy(dtype=np.float64), ks, seed=seed, refits=refits
        )
        centres = _kmeans(points, chosen.k, seed)
    labels = nearest(points, centres)
    revenue = frame[REVENUE[2].name].to_numpy(dtype=np.float64)
    worth = [-revenue[labels == label].mean() for label in range(chosen.k)]
    centres = centres[np.argsort(worth, kind="stable")]
    labels = nearest(points, centres)
    model = Clusters(
        features=columns,
        scale=scale,
        centres=centres,
        clusters=_describe(frame, scale.ranks(values), labels, columns, chosen.k),
        shop=_medians(frame),
    )
    return Fitted(model=model, naive=naive, trials=tuple(trials), chosen=chosen, labels=labels)


def require_customers(frame: pd.DataFrame) -> None:
    """Check what can be checked before anything is fitted.

    Args:
        frame: As `fit_clusters` takes it.

    Raises:
        NotEnoughDataError: Too few customers to find groups among.
    """
    if len(frame) < MIN_CUSTOMERS:
        raise NotEnoughDataError(
            f"{_customers(len(frame))} too few for clusters; {MIN_CUSTOMERS} are needed. "
            "Import more, or give a later --as-of."
        )
    kinds = len(frame[list(_space(frame)[0])].drop_duplicates())
    if kinds < max(KS):
        raise NotEnoughDataError(
            f"{len(frame)} customers differ in {kinds} ways only: too few for clusters. "
            "Import more, or give a later --as-of."
        )


def _customers(number: int) -> str:
    return "1 customer is" if number == 1 else f"{number:,} customers are"


def try_k(points: Floats, k: int, *, seed: int, refits: int) -> Trial:
    """Cluster `points` once, then again on resamples, and see how alike the results are.

    Source:
        Stability by bootstrap: Hennig, "Cluster-wise assessment of cluster stability",
        CSDA 2007; likeness by Hubert & Arabie, "Comparing partitions", 1985.
    """
    random = np.random.default_rng(seed)
    labels = nearest(points, _kmeans(points, k, seed))
    if labels.min() == labels.max():
        raise NotEnoughDataError(
            f"{len(points)} customers resemble each other too much for clusters. "
            "Import more, or give a later --as-of."
        )
    alike = []
    for refit in range(refits):
        again = points[random.integers(len(points), size=len(points))]
        alike.append(
            adjusted_rand_score(labels, nearest(points, _kmeans(again, k, seed + refit + 1)))
        )
    few = min(len(points), _SILHOUETTE_SAMPLE)
    return Trial(
        k=k,
        stability=float(np.mean(alike)),
        worst=float(np.min(alike)),
        smallest=float(np.bincount(labels, minlength=k).min() / len(labels)),
        silhouette=float(silhouette_score(points, labels, sample_size=few, random_state=seed)),
    )


def choose(trials: Sequence[Trial]) -> Trial:
    """Return the largest stable k without a tiny cluster, else the most stable one."""
    roomy = [trial for trial in trials if trial.smallest >= MIN_SHARE] or list(trials)
    stable = [trial for trial in roomy if trial.stability >= STABLE]
    if stable:
        return max(stable, key=lambda trial: trial.k)
    return max(roomy, key=lambda trial: trial.stability)


def _space(frame: pd.DataFrame) -> tuple[tuple[str, ...], Floats]:
    tastes = tuple(str(name) for name in frame.columns if str(name).startswith(SHARE_PREFIX))
    blocks = (
        (_RHYTHM, _RHYTHM_WEIGHT),
        (_BASKET, _BASKET_WEIGHT),
        (_DISCOUNT, _DISCOUNT_WEIGHT),
        (tastes, _TASTE_WEIGHT),
    )
    columns = tuple(name for names, _ in blocks for name in names)
    weights = [weight / np.sqrt(len(names)) for names, weight in blocks for _ in names]
    return columns, np.array(weights)


def _naive(values: Floats, ks: Sequence[int], *, seed: int, refits: int) -> Trial:
    """Judge the usual recipe, z-scores and the k of the best silhouette, by the same measures."""
    known = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    spread = known.std(axis=0)
    points = _sample((known - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0), seed)
    by_silhouette = (try_k(points, k, seed=seed, refits=1) for k in ks)
    best = max(by_silhouette, key=lambda trial: trial.silhouette)
    return try_k(points, best.k, seed=seed, refits=refits)


def _sample(points: Floats, seed: int) -> Floats:
    if len(points) <= _SAMPLE:
        return points
    chosen = np.random.default_rng(seed).choice(len(points), size=_SAMPLE, replace=False)
    return points[np.sort(chosen)]


def _kmeans(points: Floats, k: int, seed: int) -> Floats:
    fitted = KMeans(n_clusters=k, n_init=_STARTS, random_state=seed).fit(points)
    centres: Floats = fitted.cluster_centers_
    return centres


def _medians(frame: pd.DataFrame) -> dict[str, float]:
    numbers = frame.select_dtypes("number").drop(columns="cutoff_us", errors="ignore")
    return {str(name): float(value) for name, value in numbers.median().items()}


def _pauses(members: pd.DataFrame, quiet: NDArray[np.bool_]) -> str:
    """Say how often those ordered who mostly have no order of late; empty where most have one."""
    if not len(members) or quiet.mean() <= 0.5:
        return ""
    # With one order there is no gap, and the feature holds its default.
    once = members[GAP_MEAN.name].median() == GAP_MEAN.default
    return "one order" if once else "several orders"


def _describe(
    frame: pd.DataFrame,
    ranks: Floats,
    labels: NDArray[np.int64],
    columns: tuple[str, ...],
    k: int,
) -> tuple[Cluster, ...]:
    means = [ranks[labels == label].mean(axis=0) for label in range(k)]
    by_name = [dict(zip(columns, mean.tolist(), strict=True)) for mean in means]
    quiet = is_quiet(frame)
    traits = [
        traits_of(each, pauses=_pauses(frame[labels == label], quiet[labels == label]))
        for label, each in enumerate(by_name)
    ]
    return tuple(
        Cluster(
            label=label,
            name=name,
            traits=tuple(trait.word for trait in traits[label]),
            share=float((labels == label).mean()),
            profile=_medians(frame[labels == label]),
        )
        for label, name in enumerate(names_of(traits, by_name))
    )
