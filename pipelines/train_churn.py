"""Train who is gone by their own rhythm, and let it meet the rules it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.settings import Settings
from features import ahead
from features.ahead import Ahead
from features.registry import CHURN
from models import registered
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.churn import ChurnModel, with_rhythm
from models.churn_outputs import NEXT_ORDER, NEXT_P10, NEXT_P90, P_CHURN, churned
from models.churn_rules import BY, ChurnRule
from models.contribution_plots import contribution_swarm
from models.gate import auc, mean, paired_bootstrap
from models.plots import calibration_curve, gain_curves, importance_bars, ranking_curves
from models.scoring_metrics import scoring_metrics
from pipelines.judging import Yardstick, ahead_of, judge
from pipelines.outcome import Outcome
from pipelines.probability_contest import SWARM, refuse_leak
from pipelines.training import SEED, Contest, finish

CANDIDATE: Final = "churn"
BG_NBD: Final = "bg-nbd"
PURPOSE: Final = (
    "Probability that a customer is gone: {definition}. And when the others order next. For "
    "winning back those who slip away, and for not writing to those who come anyway."
)
LIMITS: Final = (
    "It says who will stay away, not whom an e-mail would bring back: that needs an experiment.",
    "`p_alive` is 1 for who ordered once: in the BG/NBD customers leave after a repeat order only.",
    "A next order is one within the longest window; above a `p_churn` of one half none is told.",
    "Customers without an order have no score.",
)


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `churn`.

    Args:
        settings: The workspace.
        as_of: Only what was known strictly before counts.
        trials: Not used: nothing is tuned.
        register: False evaluates only.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few customers who left or stayed.
        DataError: The model is too good to be true.
    """
    del trials
    rows, data, allowed = ahead_of(settings, registered.CHURN, CHURN, as_of=as_of)

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named():
            model = ChurnModel.fit(rows.learning, now=rows.test, seed=SEED, longest=rows.days)
        return contest_of(settings, rows, model, champion)

    params = {"seed": SEED, "horizon_days": rows.horizon.days}
    return finish(settings, data=data, params=params, fit=fit, register=register)


def contest_of(
    settings: Settings, rows: Ahead, model: ChurnModel, champion: LoadedModel | None
) -> Contest:
    """Judge everybody on the test slice by the AUC of who is gone.

    Raises:
        DataError: The model is too good to be true: something it looks at knows the answer.
    """
    truth = churned(rows.test, model.rule.rhythm)
    yardstick = Yardstick(
        headline="auc",
        metric=auc,
        figures=lambda answers: metrics_of(rows.test, truth, answers),
        pairs=lambda answers: np.column_stack([truth, answers[P_CHURN]]).astype(np.float64),
    )
    models = models_of(rows, model)
    judged = judge(models, rows, champion, yardstick, margin=settings.gate_margin)
    refuse_leak(settings, judged.candidate.metrics["auc"], model.trees)
    scores = {name: answers[P_CHURN].to_numpy() for name, answers in judged.answers.items()}
    return Contest(
        candidate=judged.candidate,
        baselines=judged.rules,
        champion=judged.champion,
        headline=yardstick.headline,
        verdict=judged.verdict,
        slice=_slice(rows, truth, model.rule.rhythm.definition),
        purpose=PURPOSE.format(definition=model.rule.rhythm.definition),
        limits=LIMITS,
        figures={
            "calibration.png": calibration_curve(truth, scores),
            "ranking.png": ranking_curves(truth, scores),
            "gains.png": gain_curves(truth, scores),
            "importance.png": importance_bars(model.trees.importance()),
            "contributions.png": _swarm(rows.test, model),
        },
        params=_found(model),
        notes=[
            next_order_note(rows.test, judged.answers[CANDIDATE], model),
            *([rows.note] if rows.note else []),
            *judged.notes,
        ],
        gain_over=judged.gain_over,
    )


def _swarm(test: pd.DataFrame, model: ChurnModel) -> Figure:
    some = with_rhythm(test.sample(min(SWARM, len(test)), random_state=SEED), model.rule)
    features = model.trees.features
    values = some[list(features)].to_numpy(dtype=np.float64)
    return contribution_swarm(features, model.trees.contributions(some), values)


def models_of(rows: Ahead, model: ChurnModel) -> dict[str, Artefact]:
    """Return the candidate, then the rules, learnt from the same rows.

    The BG/NBD alone keeps the candidate's next order: it is told by other trees.
    """
    models: dict[str, Artefact] = {CANDIDATE: model, BG_NBD: replace(model, share=0.0)}
    for by in (each for each in BY if each != BG_NBD):
        models[by] = ChurnRule.fit(rows.learning, now=rows.test, by=by, longest=rows.days)
    return models


def metrics_of(test: pd.DataFrame, truth: NDArray[Any], found: pd.DataFrame) -> Mapping[str, float]:
    """Return the figures of one model's outputs.

    `next_days_off` is the median distance, in days, of the next order from when it came, of who has
    a date and ordered within the horizon; `next_coverage` is the share of them within the bounds.
    """
    metrics = scoring_metrics(truth, found[P_CHURN])
    came = test[ahead.DAYS].to_numpy(dtype=np.float64)
    middle, low, high = (
        found[name].to_numpy(dtype=np.float64) for name in (NEXT_ORDER, NEXT_P10, NEXT_P90)
    )
    dated = np.isfinite(came) & np.isfinite(middle)
    if not dated.any():
        return metrics
    metrics["next_days_off"] = float(np.median(np.abs(middle - came)[dated]))
    if np.isfinite(low[dated]).all():
        metrics["next_coverage"] = float(((came >= low) & (came <= high))[dated].mean())
    return metrics


def next_order_note(test: pd.DataFrame, found: pd.DataFrame, model: ChurnModel) -> str:
    """Compare the next order with one own mean gap after the last, for the same customers."""
    came = test[ahead.DAYS].to_numpy(dtype=np.float64)
    middle, due = found[NEXT_ORDER].to_numpy(dtype=np.float64), model.rule.rhythm.due(test)
    dated = np.isfinite(came) & np.isfinite(middle)
    if not dated.any():
        return "next order: nobody who was given a day came"
    off, off_rule = (np.abs(each - came)[dated] for each in (middle, due))
    nearer = paired_bootstrap(-off, -off_rule, metric=mean, seed=SEED)
    return (
        f"next order of {int(dated.sum()):,} who came: {np.median(off):.1f} days off, the median; "
        f"by the own mean gap after the last order {np.median(off_rule):.1f}; on average {nearer} "
        "days nearer"
    )


def _slice(rows: Ahead, truth: NDArray[Any], definition: str) -> str:
    return (
        f"{len(truth):,} customers with an order before {rows.tested_at:%Y-%m-%d}, "
        f"{truth.mean():.1%} of whom had {definition}"
    )


def _found(model: ChurnModel) -> dict[str, object]:
    orders = model.rule.orders
    return {
        "churn": model.rule.rhythm.definition,
        "shop_rhythm_days": round(model.rule.rhythm.shop, 3),
        "nobody_drops_out": orders.a == 0,  # the NBD stands in
        **{f"bg_nbd_{name}": round(getattr(orders, name), 6) for name in ("r", "alpha", "a", "b")},
        "penalty": orders.penalty,
    }
