"""The hybrid and everybody it is compared with: tuned, fitted and measured on windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from matplotlib.figure import Figure

from models.als import Als, AlsParams, tune
from models.candidates import Candidate
from models.evaluation import SCOPES, Quality, qualities_of
from models.exposure import Exposure, exposure
from models.frequency import Frequency
from models.hybrid import Hybrid
from models.popularity import Popularity
from models.ranker_tuning import RankerTuning, tune_ranker
from models.ranking import Filled, Ranker, Scope, lists_of
from models.ranking_plots import trees_curve
from models.recommender import Recommender
from models.teaching import HybridParams, Lesson, teach
from models.tree_curve import tree_curve
from pipelines.outcome import progress_bar
from pipelines.recommender_windows import LESSONS, Window
from pipelines.training import SEED

K: Final = 20
HYBRID: Final = "hybrid"
RULE: Final = "frequency-popularity"  # what the customer buys most, then what sells
ALONE: Final = "als-alone"  # tuned to stand by itself

Results = Mapping[Scope, Quality]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The parameters of ALS that were found, with every trial's score.

    Attributes:
        params: Those that choose new products best: that is what the hybrid has ALS for.
        alone: Those that choose best of all products, by a search of their own: the hybrid's rival.
        scores: Of the trials, on new products.
        baseline: The score of what is popular.
    """

    params: AlsParams
    alone: AlsParams
    scores: list[float]
    baseline: float


def tune_als(window: Window, trials: int) -> Tuned:
    """Search the parameters of ALS on a window."""
    scores: dict[Scope, list[float]] = {"new": [], "all": []}

    @cache  # both searches begin with the same parameters
    def found(params: AlsParams) -> dict[Scope, float]:
        als = Als.fit(window.purchases, window.assortment, params, seed=SEED)
        return _ndcg(als, window, [*scores])

    with progress_bar("tuning ALS", total=2 * trials) as advance:

        def score(scope: Scope, params: AlsParams) -> float:
            scores[scope].append(found(params)[scope])
            advance()
            return scores[scope][-1]

        params, alone = (tune(partial(score, scope), trials=trials, seed=SEED) for scope in scores)
    baseline = _ndcg(Popularity(window.assortment), window, ["new"])["new"]
    return Tuned(params=params, alone=alone, scores=scores["new"], baseline=baseline)


def fit_hybrid(
    windows: Sequence[Window],
    models: Sequence[Sequence[Candidate]],
    params: HybridParams | None = None,
    *,
    trials: int = 0,
) -> tuple[Hybrid, RankerTuning]:
    """Fit the hybrid of the first window, taught by those before it.

    Args:
        windows: The latest first.
        models: The candidate models of each.
        params: Of the hybrid; with trials, of the first of them.
        trials: To choose how its trees grow.
    """
    params = params or HybridParams()
    lessons = [
        Lesson(
            rankers=fitted,
            assortment=window.assortment,
            purchases=window.purchases,
            targets=window.targets,
        )
        for window, fitted in zip(windows[1:], models[1:], strict=True)
    ][:LESSONS]
    taught = teach(lessons, params, seed=SEED)
    with progress_bar("tuning trees", total=trials) as advance:
        tuning = tune_ranker(taught, params, trials=trials, seed=SEED, advance=advance)
    hybrid = Hybrid.fit(taught, models[0], windows[0].assortment, tuning.params, seed=SEED)
    return hybrid, tuning


def rankers_of(hybrid: Hybrid, test: Window, als: AlsParams | None = None) -> dict[str, Ranker]:
    """Return everybody as of the test window: the candidate, the rule, and their models.

    Args:
        hybrid: The candidate.
        test: The window it is tested on.
        als: Of one more ALS, tuned to stand alone, where it is not the hybrid's.
    """
    popularity, frequency = Popularity(test.assortment), Frequency(test.assortment)
    found: dict[str, Ranker] = {
        HYBRID: Recommender(test.assortment, hybrid),
        RULE: Filled(frequency, popularity),  # first of the baselines: the gate compares with it
        popularity.name: popularity,
        **{each.name: each for each in hybrid.rankers},
    }
    if als and als != als_of(hybrid):
        found[ALONE] = Als.fit(test.purchases, test.assortment, als, seed=SEED)
    return found


def als_of(hybrid: Hybrid) -> AlsParams:
    """Return the parameters of its ALS."""
    return next(each.params for each in hybrid.rankers if isinstance(each, Als))


@dataclass(frozen=True, slots=True)
class Measured:
    """How good a ranker's lists are, and what those of the scope `new` show together."""

    quality: Results
    shown: Exposure

    def details(self) -> dict[str, float]:
        """Return every figure by name, of those that can be told."""
        qualities = {
            f"{name}{K}_{scope}": value
            for scope, one in self.quality.items()
            for name, value in one.means().items()
        }
        shown = {f"{name}{K}_new": value for name, value in self.shown.figures().items()}
        return qualities | {name: value for name, value in shown.items() if value is not None}


def measured(rankers: Mapping[str, Ranker], test: Window) -> dict[str, Measured]:
    """Measure everybody in every scope, by name."""
    found: dict[str, Measured] = {}
    with progress_bar("measuring", total=len(rankers)) as advance:
        for name, ranker in rankers.items():
            lists = lists_of(ranker, test.purchases, K, SCOPES)
            found[name] = Measured(
                qualities_of(lists, test.purchases, test.targets, k=K),
                exposure(lists["new"].ids, test.assortment, test.purchases.ever),
            )
            advance()
    return found


def curve_by_trees(hybrid: Hybrid, test: Window) -> Figure:
    """Draw how good the hybrid's lists are on the test window by the number of its trees."""
    curve = tree_curve(hybrid, test.purchases, test.targets, k=K, seed=SEED)
    return trees_curve(curve.trees, curve.ndcg, label=f"NDCG@{K}", seed=SEED)


def _ndcg(ranker: Ranker, window: Window, scopes: Sequence[Scope]) -> dict[Scope, float]:
    lists = lists_of(ranker, window.purchases, K, scopes)
    found = qualities_of(lists, window.purchases, window.targets, k=K)
    return {scope: float(one.ndcg.mean()) for scope, one in found.items()}
