"""Train the recommender: a hybrid of many models, against habits and what is popular.

Windows of thirty days, each learnt from nothing but what was before it. The hybrid is taught by
what was bought in up to three of them, with models fitted on what was before each. ALS is tuned on
the last of these; all contenders are compared on the window before `as_of`; then the models are
fitted once more on all that was before `as_of`, and put in order by the ranker as it was judged.
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
from features.dataset import first_order
from ingest.lake import connect
from models.als import Als, AlsParams
from models.bundles import LoadedModel
from models.candidates import CandidateParams
from models.content import Content
from models.evaluation import SCOPES, interval
from models.gate import decide, mean, paired_bootstrap
from models.hybrid import Hybrid
from models.ranking import Ranker, Scope
from models.ranking_plots import quality_bars, tuning_curve
from models.recommender import HALF_LIFE, Recommender
from models.registered import RECOMMENDER
from pipelines.outcome import Outcome, progress_bar
from pipelines.recommender_rivals import (
    HYBRID,
    RULE,
    K,
    Measured,
    Results,
    Tuned,
    curve_by_trees,
    fit_hybrid,
    measured,
    rankers_of,
    tune_als,
)
from pipelines.recommender_windows import (
    WINDOW,
    Window,
    earlier_windows,
    require_history,
    window_of,
)
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
        require_history(first_order(connection), as_of)
        allowed = learners(settings, connection, as_of=as_of)
        consenting = np.array(allowed.ids, dtype=np.str_)
        with allowed.named():
            now = window_of(connection, consenting, as_of)
        data = LearntFrom(
            name=RECOMMENDER,
            as_of=as_of,
            digest=now.digest,
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
    now = windows[0]
    params = CandidateParams(als=tuned.params)
    content = Content(now.assortment)
    tested, hybrid = _fitted(windows, params, content)
    found = _measured(tested, windows[1:], tuned.params, content, champion)
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
            renews=_renews(champion, tuned.params, now),
        ),
        slice=f"{len(gains[RULE]):,} {SLICE}",
        purpose=PURPOSE,
        limits=LIMITS,
        figures={**_figures(results, tuned), "trees.png": curve_by_trees(tested, windows[1])},
        params={**asdict(tuned.params), **asdict(hybrid.params)},
        tuned=tuned.params != AlsParams() if tuned.scores else None,
        notes=_remarks(results),
        gain_over=lambda name: _GAIN(gains[HYBRID], gains[name]),
    )


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
    params: AlsParams,
    content: Content,
    champion: LoadedModel | None,
) -> dict[str, Measured]:
    """Measure everybody on the first window, the champion last."""
    test = windows[0]
    rankers = rankers_of(tested, test)
    if champion:
        name = f"champion v{champion.version}"
        rankers[name] = _recipe(champion, params, windows, content) or rankers[HYBRID]
    return measured(rankers, test)


def _fitted(
    windows: Sequence[Window], params: CandidateParams, content: Content
) -> tuple[Hybrid, Hybrid]:
    """Fit the hybrid of the test window, and of now with the ranker of that one."""
    with progress_bar("fitting", total=len(windows)) as advance:
        models = []
        for window in windows:
            models.append(window.models(params, content))
            advance()
    tested = fit_hybrid(windows[1:], models[1:])
    now = Hybrid(models[0], windows[0].assortment, tested.booster, tested.params)
    return tested, now


def _recipe(
    champion: LoadedModel, params: AlsParams, windows: Sequence[Window], content: Content
) -> Ranker | None:
    """Fit the champion's recipe on what was before the test window; None if it is the hybrid's.

    The champion itself may have learnt from that window: it would win by having seen it.
    """
    found = _als_of(champion)
    if found is None:
        return Recommender(windows[0].assortment)
    if found == params:
        return None
    own = CandidateParams(als=found)
    hybrid = fit_hybrid(windows, [each.models(own, content) for each in windows])
    return Recommender(windows[0].assortment, hybrid)


def _als_of(champion: LoadedModel) -> AlsParams | None:
    """Return the parameters of ALS in the champion's hybrid; None if the rules choose."""
    model = champion.model
    if not isinstance(model, Recommender) or model.hybrid is None:
        return None
    return next(each.params for each in model.hybrid.rankers if isinstance(each, Als))


def _renews(
    champion: LoadedModel | None, params: AlsParams, now: Window
) -> Literal["candidate", "baseline"] | None:
    """Say whose recipe an older champion has: the hybrid with these parameters, or the rules."""
    if champion is None or not isinstance(champion.model, Recommender):
        return None
    if datetime.fromisoformat(champion.meta["as_of"]) >= now.before:
        return None
    if champion.model.hybrid is None:
        return "baseline"
    return "candidate" if _als_of(champion) == params else None


def _metrics(results: Results) -> dict[str, float]:
    return {
        f"{metric}{K}_{scope}": float(getattr(results[scope], metric).mean())
        for scope in reversed(SCOPES)
        for metric in ("ndcg", "recall")
    }


def _figures(results: Mapping[str, Results], tuned: Tuned) -> dict[str, Figure]:
    means: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, tuple[float, float]]] = {}
    for name, result in results.items():
        means[name] = {scope: float(one.ndcg.mean()) for scope, one in result.items()}
        intervals[name] = {scope: interval(one.ndcg, seed=SEED) for scope, one in result.items()}
    figures = {"quality.png": quality_bars(means, intervals, label=f"NDCG@{K}")}
    if tuned.scores:
        figures["tuning.png"] = tuning_curve(tuned.scores, tuned.baseline, label=f"NDCG@{K}, new")
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
