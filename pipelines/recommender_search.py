"""Choosing parameters of item-KNN, ALS and their blend on training interactions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from models.als import Als, AlsParams, AlsSpace, shared_products, tune
from models.blend import PROPOSED, blended
from models.evaluation import quality, targets_of
from models.item_knn import ItemKnnParams, fit_item_knn
from models.ranking import Ranked, Ranker
from pipelines.interaction_split import Split
from pipelines.outcome import progress_bar
from pipelines.training import SEED

WEIGHTS: Final = (0.3, 0.5, 0.7, 1.0, 1.4)  # of ALS in the blend, tried
ITEM_KNN: Final = (
    ItemKnnParams(),
    ItemKnnParams(neighbours=105, from_power=0.85, to_power=0.1),  # where the long tail sells
)
# From so many pairs on, more factors pay than a shop's orders carry.
LARGE: Final = 500_000
LARGE_SPACE: Final = AlsSpace(
    first=AlsParams(factors=256, regularisation=3.0, alpha=20.0),
    factors=(128, 192, 256),
    regularisation=(0.01, 30.0),
    alpha=(1.0, 60.0),
)
_CUSTOMERS: Final = 4_000  # who are ranked for a trial, evenly taken: fitting takes the most then


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What tuning found: two models, and the weight of ALS beside item-KNN's, which is one.

    ALS is chosen twice: to stand by itself, and to stand beside item-KNN.
    """

    item_knn: ItemKnnParams = field(default_factory=ItemKnnParams)
    als: AlsParams = field(default_factory=AlsParams)
    als_beside: AlsParams = field(default_factory=AlsParams)
    weight: float = 0.7


def space_of(split: Split) -> AlsSpace:
    """Return where to look for the parameters of ALS: by how much there is to learn from."""
    return LARGE_SPACE if split.purchases.times.nnz >= LARGE else AlsSpace()


def search(inner: Split, space: AlsSpace, *, trials: int, k: int) -> Found:
    """Choose item-KNN first, then ALS by what the blend of both gains, at its best weight.

    For the blend ALS must not know alone what item-KNN knows already; so the best one by itself,
    of all that are tried, is another.

    Args:
        inner: Training interactions, a part of them held out.
        space: Where to look for the parameters of ALS.
        trials: Of ALS; 0 keeps the first of its space, and the defaults.
        k: Places of a list that count.

    Raises:
        NotEnoughDataError: There are no shared tastes to learn from.
    """
    if not trials:
        return Found(als=space.first, als_beside=space.first)
    shared_products(inner.purchases)  # says so now if there are none
    part = _some(inner)
    with progress_bar("tuning", total=len(ITEM_KNN) + trials) as advance:

        def of_item_knn(params: ItemKnnParams) -> tuple[float, Ranked]:
            ranker = fit_item_knn(inner.purchases.times, inner.assortment, params)
            ranked = _proposed(ranker, part, k)
            advance()
            return _ndcg(ranked, part, k), ranked

        tried = [of_item_knn(each) for each in ITEM_KNN]
        best = int(np.argmax([score for score, _ in tried]))
        neighbours = tried[best][1]
        weights: dict[AlsParams, float] = {}
        alone: dict[AlsParams, float] = {}

        def of_als(params: AlsParams) -> float:
            als = Als.fit(inner.purchases, inner.assortment, params, seed=SEED)
            lists = [neighbours, _proposed(als, part, k)]
            alone[params] = _ndcg(lists[1], part, k)
            scores = [_blend_ndcg(lists, weight, part, k) for weight in WEIGHTS]
            weights[params] = WEIGHTS[int(np.argmax(scores))]
            advance()
            return max(scores)

        beside = tune(of_als, trials=trials, seed=SEED, space=space)
    return Found(
        item_knn=ITEM_KNN[best],
        als=max(alone, key=lambda params: alone[params]),
        als_beside=beside,
        weight=weights[beside],
    )


def _some(inner: Split) -> Split:
    targets = targets_of("new", inner.targets, inner.purchases)
    having = np.flatnonzero(np.diff(targets.indptr))
    chosen = having[np.linspace(0, len(having) - 1, min(len(having), _CUSTOMERS)).astype(int)]
    return replace(inner, purchases=inner.purchases.rows(chosen), targets=targets[chosen])


def _proposed(ranker: Ranker, part: Split, k: int) -> Ranked:
    return ranker.rank(part.purchases, max(k, PROPOSED), "new")


def _blend_ndcg(lists: Sequence[Ranked], weight: float, part: Split, k: int) -> float:
    products = part.targets.shape[1]
    return _ndcg(blended(lists, [1.0, weight], k, products=products), part, k)


def _ndcg(ranked: Ranked, part: Split, k: int) -> float:
    return float(quality(ranked.ids, part.targets, k=k).ndcg.mean())
