"""What the hybrid learns from: candidates of earlier windows, and which of them were bought."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import NotEnoughDataError
from models.assortment import Assortment
from models.candidates import Candidate
from models.interactions import Purchases
from models.pairs import at_cells, pairs_of
from models.ranking import THREADS

_FEW: Final = 10  # pairs in a leaf of even the smallest shop
_MANY: Final = 100_000  # pairs; with fewer, threads wait for each other longer than they work


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridParams:
    """What the hybrid is fitted with.

    Attributes:
        candidates: Products of each model, of those bought before and of the others each.
        customers: The most it learns from in one window, drawn by chance.
        unbought: The share of the candidates nobody bought that it learns from, drawn by chance:
            twenty times as many as were bought, they take the time and say little new.
        trees: Of the ranker; `learning_rate`, `leaves` and `least` (share of
            pairs in a leaf) are theirs.
    """

    candidates: int = 100
    customers: int = 1_000
    unbought: float = 0.5
    trees: int = 120
    learning_rate: float = 0.05
    leaves: int = 31
    least: float = 5e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Purchases before an instant, models fitted on these alone, and what was bought after it."""

    rankers: Sequence[Candidate]
    assortment: Assortment
    purchases: Purchases
    targets: sparse.csr_matrix


@dataclass(frozen=True, slots=True)
class Taught:
    """Candidates of a lesson, and which of them were bought."""

    names: Sequence[str]
    values: NDArray[np.float32]
    bought: NDArray[np.int8]
    each: NDArray[np.int64]  # candidates of each customer

    def of(self, customers: int, seed: int) -> Self:
        """Return the candidates of some customers, drawn by chance."""
        if customers >= len(self.each):
            return self
        drawn = np.random.default_rng(seed).permutation(len(self.each))[:customers]
        chosen = np.isin(np.arange(len(self.each)), drawn)
        kept = np.repeat(chosen, self.each)
        return type(self)(self.names, self.values[kept], self.bought[kept], self.each[chosen])


def teach(lessons: Sequence[Lesson], params: HybridParams, *, seed: int) -> list[Taught]:
    """Look at what some customers of each lesson bought of what the models proposed."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [*pool.map(lambda each: _looked_at(each, params, seed), lessons)]


def fit_booster(taught: Sequence[Taught], params: HybridParams, *, seed: int) -> lgb.Booster:
    """Fit LambdaRank; the same input and seed give the same trees.

    Raises:
        NotEnoughDataError: No candidate was bought in any window.
    """
    if not any(each.bought.any() for each in taught):
        raise NotEnoughDataError(
            "nothing that the models propose was bought after: there is nothing to learn from."
        )
    values = np.concatenate([each.values for each in taught])
    data = lgb.Dataset(
        values,
        label=np.concatenate([each.bought for each in taught]),
        group=np.concatenate([each.each for each in taught]),
        feature_name=[name.replace(" ", "_") for name in taught[0].names],
        params={"verbose": -1},
    )
    settings = {
        "objective": "lambdarank",
        "learning_rate": params.learning_rate,
        "num_leaves": params.leaves,
        "min_data_in_leaf": max(_FEW, int(params.least * len(values))),
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambdarank_truncation_level": 40,
        "num_threads": THREADS if len(values) > _MANY else 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    return lgb.train(settings, data, num_boost_round=params.trees)


def _looked_at(lesson: Lesson, params: HybridParams, seed: int) -> Taught:
    """Look at some of the customers who bought something after."""
    generator = np.random.default_rng(seed)
    rows = np.flatnonzero(np.diff(lesson.targets.indptr))
    if len(rows) > params.customers:
        rows = np.sort(generator.choice(rows, params.customers, replace=False))
    purchases, targets = lesson.purchases.rows(rows), lesson.targets[rows]
    pairs = pairs_of(lesson.rankers, lesson.assortment, purchases, params.candidates, "all")
    bought = at_cells(targets, pairs.rows, pairs.products) > 0
    kept = bought | (generator.random(len(bought)) < params.unbought)
    return Taught(
        names=pairs.names,
        values=pairs.values[kept],
        bought=bought[kept].astype(np.int8),
        each=np.unique(pairs.rows[kept], return_counts=True)[1],
    )
