"""The hybrid and everybody it is compared with: tuned, fitted and measured on windows of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure

from models.als import Als, AlsParams, tune
from models.candidates import Candidate
from models.evaluation import SCOPES, Quality, evaluate, qualities_of
from models.exposure import Exposure, exposure
from models.frequency import Frequency
from models.hybrid import Hybrid, HybridParams, Lesson
from models.popularity import Popularity
from models.ranking import Filled, Ranker, Scope, lists_of
from models.ranking_plots import trees_curve
from models.recommender import Recommender
from models.tree_curve import tree_curve
from pipelines.outcome import progress_bar
from pipelines.recommender_windows import LESSONS, Window
from pipelines.training import SEED

K: Final = 20
HYBRID: Final = "hybrid"
RULE: Final = "frequency-popularity"  # what the customer buys most, then what sells

Results = Mapping[Scope, Quality]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The parameters found, with the score of every trial and of the rule to beat."""

    params: AlsParams
    scores: list[float]
    baseline: float


def tune_als(window: Window, trials: int) -> Tuned:
    """Search the parameters of ALS that choose new products best on a window."""
    scores: list[float] = []
    with progress_bar("tuning", total=trials) as advance:

        def score(params: AlsParams) -> float:
            als = Als.fit(window.purchases, window.assortment, params, seed=SEED)
            scores.append(float(_measure(als, window, "new").ndcg.mean()))
            advance()
            return scores[-1]

        params = tune(score, trials=trials, seed=SEED)
    baseline = _measure(Popularity(window.assortment), window, "new")
    return Tuned(params=params, scores=scores, baseline=float(baseline.ndcg.mean()))


def fit_hybrid(windows: Sequence[Window], models: Sequence[Sequence[Candidate]]) -> Hybrid:
    """Fit the hybrid of the first window, taught by those before it."""
    lessons = [
        Lesson(
            rankers=fitted,
            assortment=window.assortment,
            purchases=window.purchases,
            targets=window.targets,
        )
        for window, fitted in zip(windows[1:], models[1:], strict=True)
    ][:LESSONS]
    return Hybrid.fit(lessons, models[0], windows[0].assortment, HybridParams(), seed=SEED)


def rankers_of(hybrid: Hybrid, test: Window) -> dict[str, Ranker]:
    """Return everybody as of the test window: the candidate, the rule, and their models."""
    popularity, frequency = Popularity(test.assortment), Frequency(test.assortment)
    return {
        HYBRID: Recommender(test.assortment, hybrid),
        RULE: Filled(frequency, popularity),  # first of the baselines: the gate compares with it
        popularity.name: popularity,
        **{each.name: each for each in hybrid.rankers},
    }


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


def _measure(ranker: Ranker, window: Window, scope: Scope) -> Quality:
    return evaluate(ranker, window.purchases, window.targets, k=K, scope=scope)
