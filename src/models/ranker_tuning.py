"""Choosing how the ranker's trees grow: on windows that teach, never on the one that tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import lightgbm as lgb
import numpy as np
import optuna
from numpy.typing import NDArray

from models.gate import Interval, mean, paired_bootstrap
from models.search import search
from models.teaching import HybridParams, Taught, fit_booster

_CUSTOMERS: Final = 400  # of a lesson, that teach in a trial: all of them take longer
_PLACES: Final = 20

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerTuning:
    """What was found.

    Customers of the latest lesson are of two halves: one chooses, the other confirms.

    Attributes:
        params: The best ones where their gain is above zero beyond chance, else the first ones.
        scores: Of the trials, in order; of the first ones, first. Empty if nothing was tried.
        gain: Of the best ones over the first, both fitted on all that teaches.
    """

    params: HybridParams
    scores: Sequence[float] = ()
    gain: Interval | None = None

    @property
    def verdict(self) -> str:
        """What came of it, in words."""
        if not self.scores:
            return "not tuned, which takes two earlier windows with purchases"
        if self.gain is None:
            return f"of {len(self.scores)} trials the first, with the defaults, is the best"
        kept = "taken" if self.gain.low > 0 else "the defaults stay"
        return f"the best of {len(self.scores)} trials, confirmed on others: {self.gain}, {kept}"


def tune_ranker(
    taught: Sequence[Taught],
    params: HybridParams,
    *,
    trials: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> RankerTuning:
    """Search with Optuna for trees that order the latest lesson best, taught by those before it.

    A trial's score is NDCG of the two lists that are made, of products bought before and of new
    ones, mean over customers; it is taught by a part of them. The best of many trials is best by
    chance, too, and what is best for few customers need not be for many. So the best and the first
    are fitted anew, on all, with another seed, and are judged by customers who did not choose. It
    is taken only if the interval of its gain over the first lies above zero then.

    Args:
        taught: Lessons, the latest first; a single one leaves nothing to judge by.
        params: The first trial.
        trials: How many, the first one included; 0 tries none.
        seed: Of the trees, the search and the bootstrap.
        advance: Called after each trial.
    """
    latest, *older = taught
    if not trials or not latest.bought.any() or not any(each.bought.any() for each in older):
        return RankerTuning(params=params)
    some = [each.of(_CUSTOMERS, seed) for each in older]
    tried: list[tuple[HybridParams, float]] = []

    def objective(trial: optuna.Trial) -> float:
        one = replace(
            params,
            learning_rate=trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            leaves=trial.suggest_int("leaves", 2, 48, log=True),
            least=trial.suggest_float("least", 1e-4, 5e-3, log=True),
        )
        found = _quality(latest, fit_booster(some, one, seed=seed))
        tried.append((one, float(found[::2].mean())))
        advance()
        return tried[-1][1]

    first = {name: getattr(params, name) for name in ("learning_rate", "leaves", "least")}
    search(objective, first, trials=trials, seed=seed)
    best, scores = max(tried, key=lambda each: each[1])[0], [each for _, each in tried]
    if best == params:
        return RankerTuning(params=params, scores=scores)
    own, given = (
        _quality(latest, fit_booster(older, each, seed=seed + 1))[1::2] for each in (best, params)
    )
    gain = paired_bootstrap(own, given, metric=mean, seed=seed)
    return RankerTuning(params=best if gain.low > 0 else params, scores=scores, gain=gain)


def _quality(lesson: Taught, booster: lgb.Booster) -> Floats:
    """Return NDCG of each customer who bought a candidate: of repeat and new products, the mean."""
    scores = np.asarray(booster.predict(lesson.values))
    rows = np.repeat(np.arange(len(lesson.each)), lesson.each)
    is_new = np.isnan(lesson.values[:, lesson.names.index("times")])
    of_list = 2 * rows + is_new
    order = np.lexsort((-scores, of_list))
    sizes = np.bincount(of_list, minlength=2 * len(lesson.each))
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    gains = np.where(place < _PLACES, lesson.bought[order] / np.log2(place + 2), 0)
    wanted = np.bincount(of_list, lesson.bought, minlength=len(sizes)).astype(np.int64)
    ideal = np.cumsum(1 / np.log2(np.arange(2, _PLACES + 2)))[np.minimum(wanted, _PLACES) - 1]
    ndcg = np.bincount(of_list[order], gains, minlength=len(sizes)) / ideal
    lists = np.where(wanted > 0, ndcg, np.nan).reshape(-1, 2)
    return np.asarray(np.nanmean(lists[(wanted > 0).reshape(-1, 2).any(axis=1)], axis=1))
