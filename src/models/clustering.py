"""Finding clusters of customers: contenders judged, the chosen one fitted and put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from core.errors import NotEnoughDataError
from features.affinity import SHARE_PREFIX
from features.definitions.orders import BASKET_LINES, DISCOUNT_SHARE, GAP_MEAN, RECENCY_DAYS
from features.feature import names
from features.registry import CLUSTERS, ORDER_VALUE, ORDERS, REVENUE, RFM
from models.cluster_algorithms import ALGORITHMS, MOST, sampled
from models.cluster_names import names_of, traits_of
from models.cluster_trials import REFITS, Future, Trial, choose, try_algorithm
from models.clusters import (
    Cluster,
    Clusters,
    Floats,
    QuantileScale,
    is_quiet,
    measured,
    nearest,
    squared_distances,
)

KS: Final = range(3, 9)
MIN_CUSTOMERS: Final = 200
_REACH: Final = 0.99  # of a cluster's members lie within its radius

# What one distance is made of. Features of a block share its weight, so that four ways to say
# "often" do not count four times. Money is rhythm times basket and needs no block.
Blocks = Sequence[tuple[Sequence[str], float]]
_RHYTHM: Final = (RECENCY_DAYS.name, ORDERS[1].name, ORDERS[2].name, GAP_MEAN.name)
_BASKET: Final = (BASKET_LINES.name, ORDER_VALUE.name)
HABITS: Final[Blocks] = ((_RHYTHM, 1.0), (_BASKET, 1.0), ((DISCOUNT_SHARE.name,), 0.5))
_TASTES: Final = 0.8  # the weight of all shares of departments together, where there are any
# Weights that on Online Retail as of 2011-06-12 told most of the next quarter, of five tried.
RECENCY_FREQUENCY_MONEY: Final[Blocks] = tuple(
    ((name,), weight) for name, weight in zip(names(RFM), (1.0, 1.5, 1.0), strict=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Customers as of an earlier cut-off, with the columns of today's, and what came then."""

    frame: pd.DataFrame
    ordered: NDArray[np.bool_]  # whether each ordered within the horizon from the cut-off
    spent_minor: Floats  # within the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The chosen clusters, how all contenders did, and how the usual recipe would have done."""

    model: Clusters
    naive: Trial
    trials: tuple[Trial, ...]
    chosen: Trial


def fit_clusters(
    frame: pd.DataFrame,
    *,
    seed: int,
    past: Past | None = None,
    incumbent: str = "",
    blocks: Blocks = HABITS,
    ks: Sequence[int] = KS,
    refits: int = REFITS,
    advance: Callable[[int], None] = lambda _: None,
) -> Fitted:
    """Choose algorithm and k, fit the clusters on everybody, put them into words.

    Args:
        frame: One row per customer: the features of `features.registry.CLUSTERS`, those of
            `blocks`, and shares of departments from `features.affinity.affinity_shares`, gaps
            allowed. Other columns are ignored.
        seed: Repeats everything.
        past: Tells how much each contender says about the future; None where history is short.
        incumbent: Name of the contender that the champion was, if there is one.
        blocks: What distances are made of besides the shares: features and their weight.
        ks: Numbers of clusters to try.
        refits: Resamples per contender.
        advance: Called with 1 after each resample of each algorithm.

    Raises:
        NotEnoughDataError: Too few customers to find groups among.
    """
    require_customers(frame, blocks)
    columns, weights = _space(frame, blocks)
    values = measured(frame, columns)
    scale = QuantileScale.fit(values, weights)
    points = scale.scale(values)
    future = _future(past, columns, weights) if past else None
    # One thread: sums in a fixed order give the same clusters on every machine and every day.
    with threadpool_limits(limits=1):
        sample = sampled(points, seed, MOST)
        trials: list[Trial] = []
        for name in ALGORITHMS:
            trials += try_algorithm(
                name, sample, ks, seed=seed, refits=refits, future=future, advance=advance
            )
        chosen = choose(trials, incumbent=incumbent)
        naive = _naive(frame, columns, past, ks, seed=seed, refits=refits)
        (centres,) = ALGORITHMS[chosen.algorithm](points, [chosen.k], seed).values()
    model = _described(frame, columns, scale, _by_value(frame, points, centres))
    return Fitted(model=model, naive=naive, trials=tuple(trials), chosen=chosen)


def require_customers(frame: pd.DataFrame, blocks: Blocks = HABITS) -> None:
    """Check what can be checked before anything is fitted.

    Args:
        frame: As `fit_clusters` takes it.
        blocks: As `fit_clusters` takes them.

    Raises:
        NotEnoughDataError: Too few customers to find groups among.
    """
    if len(frame) < MIN_CUSTOMERS:
        raise NotEnoughDataError(
            f"{_customers(len(frame))} too few for clusters; {MIN_CUSTOMERS} are needed. "
            "Import more, or give a later --as-of."
        )
    kinds = len(frame[list(_space(frame, blocks)[0])].drop_duplicates())
    if kinds < max(KS):
        raise NotEnoughDataError(
            f"{len(frame)} customers differ in {kinds} ways only: too few for clusters. "
            "Import more, or give a later --as-of."
        )


def _customers(number: int) -> str:
    return "1 customer is" if number == 1 else f"{number:,} customers are"


def _space(frame: pd.DataFrame, blocks: Blocks) -> tuple[tuple[str, ...], Floats]:
    """Return the columns that distances are made of, and the weight of each."""
    every = [*blocks, (_tastes(frame), _TASTES)]
    columns = tuple(name for block, _ in every for name in block)
    weights = [weight / np.sqrt(len(block)) for block, weight in every for _ in block]
    return columns, np.array(weights)


def _tastes(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame.columns if str(name).startswith(SHARE_PREFIX)]


def _future(past: Past, columns: Sequence[str], weights: Floats) -> Future:
    values = measured(past.frame, columns)
    return Future(
        points=QuantileScale.fit(values, weights).scale(values),
        ordered=past.ordered,
        spent=np.asarray(rankdata(past.spent_minor), np.float64),
    )


def _naive(
    frame: pd.DataFrame,
    columns: Sequence[str],
    past: Past | None,
    ks: Sequence[int],
    *,
    seed: int,
    refits: int,
) -> Trial:
    """Judge the usual recipe, z-scores and the k of the best silhouette, by the same measures."""
    points = sampled(_z_scores(frame, columns), seed, MOST)
    by_silhouette = try_algorithm("k-means", points, ks, seed=seed, refits=1)
    best = max(by_silhouette, key=lambda trial: trial.silhouette)
    future = None
    if past:
        future = _future(past, columns, np.ones(len(columns)))
        future = replace(future, points=_z_scores(past.frame, columns))
    (judged,) = try_algorithm("k-means", points, [best.k], seed=seed, refits=refits, future=future)
    return replace(judged, algorithm="z-scores")


def _z_scores(frame: pd.DataFrame, columns: Sequence[str]) -> Floats:
    values = frame[list(columns)].to_numpy(dtype=np.float64)
    known = np.where(np.isnan(values), np.nanmean(values, axis=0), values)
    spread = known.std(axis=0)
    scores: Floats = (known - known.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scores


def _by_value(frame: pd.DataFrame, points: Floats, centres: Floats) -> Floats:
    """Return the centres with the cluster that brings most per head first."""
    labels = nearest(points, centres)
    revenue = frame[REVENUE[2].name].to_numpy(dtype=np.float64)
    worth = [-revenue[labels == label].mean() for label in range(len(centres))]
    return centres[np.argsort(worth, kind="stable")]


def _medians(frame: pd.DataFrame) -> dict[str, float]:
    numbers = frame.select_dtypes("number").drop(columns="cutoff_us", errors="ignore")
    return {str(name): float(value) for name, value in numbers.median().items()}


def _pauses(members: pd.DataFrame, quiet: NDArray[np.bool_]) -> str:
    """Say how often those ordered who mostly have no order of late; empty where most have one."""
    if not len(members) or quiet.mean() <= 0.5:
        return ""
    return "one order" if _once(members) else "several orders"


def _once(members: pd.DataFrame) -> bool:
    """Say whether most ordered once: there is no gap then, and the feature holds its default."""
    return bool(len(members) and members[GAP_MEAN.name].median() == GAP_MEAN.default)


def _described(
    frame: pd.DataFrame, columns: tuple[str, ...], scale: QuantileScale, centres: Floats
) -> Clusters:
    """Put clusters into words by all habits and tastes, whatever the distances are made of."""
    points = scale.scale(measured(frame, columns))
    labels, k = nearest(points, centres), len(centres)
    distances = np.sqrt(squared_distances(points, centres).min(axis=1))
    told = [*names(CLUSTERS), *_tastes(frame)]
    values = measured(frame, told)
    ranks = QuantileScale.fit(values, np.ones(len(told))).ranks(values)
    quiet = is_quiet(frame)
    members = [labels == label for label in range(k)]
    means = [dict(zip(told, ranks[own].mean(axis=0).tolist(), strict=True)) for own in members]
    traits = [
        traits_of(each, pauses=_pauses(frame[own], quiet[own]), once=_once(frame[own]))
        for each, own in zip(means, members, strict=True)
    ]
    return Clusters(
        features=columns,
        scale=scale,
        centres=centres,
        radii=np.array([np.quantile(distances[own], _REACH) for own in members]),
        clusters=tuple(
            Cluster(
                label=label,
                name=name,
                traits=tuple(trait.word for trait in traits[label]),
                share=float(members[label].mean()),
                profile=_medians(frame[members[label]]),
            )
            for label, name in enumerate(names_of(traits, means))
        ),
        shop=_medians(frame),
    )
