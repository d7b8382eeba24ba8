"""Train the recommender: a hybrid of many models, against habits and what is popular.

Windows of thirty days, each learnt from nothing but what was before it. The hybrid is taught by
what was bought in up to three of them, with models fitted on what was before each. ALS and the
trees are tuned on the last of these; all contenders are compared on the window before `as_of`; then
the models are fitted once more on all that was before `as_of`, and put in order by the ranker as it
was judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Final, Literal

import numpy as np
from matplotlib.figure import Figure

from core.clock import DAY
from core.settings import Settings
from ingest.lake import connect
from models.als import AlsParams
from models.bundles import LoadedModel
from models.candidates import Candidate, CandidateParams
from models.content import Content
from models.evaluation import SCOPES, interval
from models.gate import decide, mean, paired_bootstrap
from models.hybrid import Hybrid
from models.ranker_tuning import RankerTuning
from models.ranking import Ranker, Scope
from models.ranking_plots import quality_bars, tuning_curve
from models.recommender import HALF_LIFE, Recommender
from models.registered import RECOMMENDER, WINDOW
from models.sufficiency import require
from models.teaching import HybridParams
from pipelines.learnable import facts_of
from pipelines.outcome import Outcome, progress_bar
from pipelines.recommender_rivals import (
    HYBRID,
    RULE,
    K,
    Measured,
    Results,
    Tuned,
    als_of,
    curve_by_trees,
    fit_hybrid,
    measured,
    rankers_of,
    tune_als,
)
from pipelines.recommender_windows import Window, earlier_windows, window_of
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish, learners

HEADLINE: Final = f"ndcg{K}_all"
PURPOSE: Final = (
    "Chooses products for e-mails: `buy_again` (what that customer bought before) and "
    "`new_for_you` (never bought by them), with a reason for each. The hybrid puts in order what "
    "several models propose; where it does not beat the customer's own decayed frequency followed "
    "by what is popular, these rules choose."
)
SLICE: Final = (
    f"customers who bought something in the {WINDOW.days} days before as-of; all products ranked, "
    "of new ones those never bought before"
)
LIMITS: Final = (
    "Judged on what people bought by themselves; what an e-mail causes needs an experiment.",
    "Availability is that of the catalogue now, for past windows too, alike for all contenders.",
    "The ranker is registered as judged; its models are fitted once more, on the test window too.",
)

_GAIN: Final = partial(paired_bootstrap, metric=mean, seed=SEED)


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `recommender`.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history before the two windows, or nobody to learn from.
    """
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), "recommender")
        consenting = np.array(allowed.ids, dtype=np.str_)
        with allowed.named():
            now = window_of(connection, consenting, as_of)
        data = LearntFrom(
            name=RECOMMENDER,
            as_of=as_of,
            digest=now.digest,
            catalogue_digest=now.assortment.digest,
            cutoffs=[as_of - 2 * WINDOW, as_of - WINDOW, as_of],
            rows=int(now.purchases.times.nnz),
            left_out=allowed.left_out,
        )

        def fit(champion: LoadedModel | None) -> Contest:
            with allowed.named():
                test, *earlier = earlier_windows(connection, consenting, as_of)
            return _contest(settings, tune_als(earlier[0], trials), [now, test, *earlier], champion)

        params = {"trials": trials, "seed": SEED, "half_life_days": HALF_LIFE / DAY}
        return finish(settings, data=data, params=params, fit=fit, register=register)
    finally:
        connection.close()


def _contest(
    settings: Settings, tuned: Tuned, windows: Sequence[Window], champion: LoadedModel | None
) -> Contest:
    now, trials = windows[0], len(tuned.scores)
    content = Content(now.assortment)
    models = _models(windows, CandidateParams(als=tuned.params), content)
    tested, trees = fit_hybrid(windows[1:], models[1:], trials=trials)
    hybrid = Hybrid(models[0], now.assortment, tested.booster, tested.params)
    found = _measured(tested, windows[1:], tuned, content, champion)
    results = {name: one.quality for name, one in found.items()}
    everyone = _contenders(found, Recommender(now.assortment, hybrid), Recommender(now.assortment))
    gains = {name: result["all"].ndcg for name, result in results.items()}
    return Contest(
        candidate=everyone[0],
        baselines=everyone[1:-1] if champion else everyone[1:],
        champion=everyone[-1] if champion else None,
        headline=HEADLINE,
        verdict=decide(
            candidate=gains[HYBRID],
            baseline=gains[RULE],
            rule=RULE,
            champion=gains[everyone[-1].name] if champion else None,
            metric=mean,
            margin=settings.gate_margin,
            seed=SEED,
            renews=_renews(champion, hybrid, now),
        ),
        slice=f"{len(gains[RULE]):,} {SLICE}",
        purpose=PURPOSE,
        limits=LIMITS,
        figures=_figures(results, tuned, trees) | {"trees.png": curve_by_trees(tested, windows[1])},
        params=_params(tuned, hybrid),
        tuned=_recipe_of(hybrid) != (AlsParams(), HybridParams()) if trials else None,
        notes=[*_remarks(results), *([f"Trees: {trees.verdict}."] if trials else [])],
        gain_over=lambda name: _GAIN(gains[HYBRID], gains[name]),
    )


def _params(tuned: Tuned, hybrid: Hybrid) -> dict[str, object]:
    alone = {f"als_alone_{name}": value for name, value in asdict(tuned.alone).items()}
    return {**asdict(tuned.params), **alone, **asdict(hybrid.params)}


def _contenders(
    found: Mapping[str, Measured], hybrid: Recommender, rules: Recommender
) -> list[Contender]:
    """Return everybody measured; what is not the hybrid is registered as the rules."""
    return [
        Contender(
            name=name,
            model=hybrid if name == HYBRID else rules,
            metrics=_metrics(one.quality),
            details=one.details(),
        )
        for name, one in found.items()
    ]


def _measured(
    tested: Hybrid,
    windows: Sequence[Window],
    tuned: Tuned,
    content: Content,
    champion: LoadedModel | None,
) -> dict[str, Measured]:
    """Measure everybody on the first window, the champion last."""
    test = windows[0]
    rankers = rankers_of(tested, test, tuned.alone)
    if champion:
        name = f"champion v{champion.version}"
        rankers[name] = _as_of_test(champion, tested, windows, content) or rankers[HYBRID]
    return measured(rankers, test)


def _models(
    windows: Sequence[Window], params: CandidateParams, content: Content
) -> list[Sequence[Candidate]]:
    """Fit the candidate models of each window."""
    models = []
    with progress_bar("fitting", total=len(windows)) as advance:
        for window in windows:
            models.append(window.models(params, content))
            advance()
    return models


def _as_of_test(
    champion: LoadedModel, tested: Hybrid, windows: Sequence[Window], content: Content
) -> Ranker | None:
    """Fit the champion's recipe on what was before the test window; None if it is the hybrid's.

    The champion itself may have learnt from that window: it would win by having seen it.
    """
    rules = Recommender(windows[0].assortment)
    if not isinstance(champion.model, Recommender) or champion.model.hybrid is None:
        return rules
    recipe = _recipe_of(champion.model.hybrid)
    if recipe == _recipe_of(tested):
        return None
    als, params = recipe
    own = CandidateParams(als=als)
    hybrid, _ = fit_hybrid(windows, [each.models(own, content) for each in windows], params)
    return Recommender(windows[0].assortment, hybrid)


def _recipe_of(hybrid: Hybrid) -> tuple[AlsParams, HybridParams]:
    """Return what is chosen anew in each training."""
    return als_of(hybrid), hybrid.params


def _renews(
    champion: LoadedModel | None, hybrid: Hybrid, now: Window
) -> Literal["candidate", "baseline"] | None:
    """Say whose recipe an older champion has: that of this hybrid, or the rules."""
    if champion is None or not isinstance(champion.model, Recommender):
        return None
    if datetime.fromisoformat(champion.meta["as_of"]) >= now.before:
        return None
    if champion.model.hybrid is None:
        return "baseline"
    return "candidate" if _recipe_of(champion.model.hybrid) == _recipe_of(hybrid) else None


def _metrics(results: Results) -> dict[str, float]:
    return {
        f"{metric}{K}_{scope}": float(getattr(results[scope], metric).mean())
        for scope in reversed(SCOPES)
        for metric in ("ndcg", "recall")
    }


def _figures(
    results: Mapping[str, Results], tuned: Tuned, trees: RankerTuning
) -> dict[str, Figure]:
    means: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, tuple[float, float]]] = {}
    for name, result in results.items():
        means[name] = {scope: float(one.ndcg.mean()) for scope, one in result.items()}
        intervals[name] = {scope: interval(one.ndcg, seed=SEED) for scope, one in result.items()}
    figures = {"quality.png": quality_bars(means, intervals, label=f"NDCG@{K}")}
    if tuned.scores:
        label = f"ALS: NDCG@{K} of new products"
        figures["tuning.png"] = tuning_curve(tuned.scores, {"popularity": tuned.baseline}, label)
    if trees.scores:
        figures["tuning_trees.png"] = tuning_curve(
            trees.scores,
            {"defaults": trees.scores[0]},
            f"NDCG@{K} of both lists, taught by few",
            f"trials: {trees.verdict}",
        )
    return figures


def _remarks(results: Mapping[str, Results]) -> list[str]:
    """Say plainly where one of its models beats the hybrid on what a slot shows."""
    notes = []
    slots: dict[Scope, str] = {"repeat": "buy_again", "new": "new_for_you"}
    for scope, slot in slots.items():
        means = {name: float(result[scope].ndcg.mean()) for name, result in results.items()}
        own = means.pop(HYBRID)
        best = max(means, key=lambda name: means[name])
        if means[best] >= own:
            notes.append(
                f"In `{slot}` {best} is as good as the hybrid or better "
                f"(NDCG@{K} {means[best]:.4f} against {own:.4f})."
            )
    return notes
