"""Train the value of customers, and let it meet the rules it has to beat."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.settings import Settings
from features import ahead
from features.ahead import Ahead
from features.registry import VALUE
from models import registered
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.contribution_plots import contribution_swarm
from models.value import (
    EXPECTED_ORDERS_90D,
    EXPECTED_SPEND_90D,
    SPEND_P10,
    SPEND_P90,
    ValueModel,
)
from models.value_metrics import gini, value_metrics
from models.value_plots import spend_curves
from models.value_rules import PastSpend, RfmValue
from models.value_tuning import Fitted, fit_value
from pipelines.judging import Yardstick, ahead_of, judge
from pipelines.outcome import Outcome
from pipelines.probability_contest import SWARM
from pipelines.training import SEED, Contest, finish

CANDIDATE: Final = "value"
PURPOSE: Final = (
    "Orders and spend to expect of a customer within 90 and 365 days, with bounds, beside what "
    "they have spent so far. For deciding how much a customer is worth caring for, and for seeing "
    "which of the best are going."
)
LIMITS: Final = (
    "The total of a season follows the one before: `total_ratio` says how far it was off.",
    "A year is 90 days stretched as the BG/NBD thins orders out, not learnt from whole years.",
    "Bounds hold for customers like these on average, not for each kind of them.",
    "Amounts are what orders were worth, refunds not deducted; only `historic_value` deducts them.",
    "A mean order value with one order says little; the model draws it to the shop's.",
)


def run(settings: Settings, *, as_of: datetime, trials: int, register: bool) -> Outcome:
    """Train, compare and register `value`.

    Args:
        settings: The workspace.
        as_of: Only what was known strictly before counts.
        trials: Not used: nothing is tuned but what the mean is made of.
        register: False evaluates only.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few customers who ordered.
    """
    del trials
    rows, data, allowed = ahead_of(settings, registered.VALUE, VALUE, as_of=as_of)

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named():
            fitted = fit_value(rows.learning, now=rows.test, horizon=rows.horizon, seed=SEED)
        return contest_of(rows, fitted, champion, margin=settings.gate_margin)

    params = {"seed": SEED, "horizon_days": rows.horizon.days}
    return finish(settings, data=data, params=params, fit=fit, register=register)


def contest_of(
    rows: Ahead, fitted: Fitted, champion: LoadedModel | None, *, margin: float
) -> Contest:
    """Judge everybody on the test slice by the normalised Gini of the spend."""
    spend = rows.test[ahead.REVENUE].to_numpy(dtype=np.float64)
    yardstick = Yardstick(
        headline="gini",
        metric=gini,
        figures=lambda answers: metrics_of(rows, answers),
        pairs=lambda answers: np.column_stack([spend, _expected(answers)]),
    )
    judged = judge(models_of(rows, fitted.model), rows, champion, yardstick, margin=margin)
    curves = {name: _expected(answers) for name, answers in judged.answers.items()}
    return Contest(
        candidate=judged.candidate,
        baselines=judged.rules,
        champion=judged.champion,
        headline=yardstick.headline,
        verdict=judged.verdict,
        slice=_slice(rows),
        purpose=PURPOSE,
        limits=LIMITS,
        figures={
            "spend.png": spend_curves(spend, curves),
            "contributions.png": _swarm(rows.test, fitted.model),
        },
        params=_found(fitted.model),
        notes=[*fitted.notes, *([rows.note] if rows.note else []), *judged.notes],
        gain_over=judged.gain_over,
    )


def _swarm(test: pd.DataFrame, model: ValueModel) -> Figure:
    some = test.sample(min(SWARM, len(test)), random_state=SEED)
    seen = model.looked_at(some)
    return contribution_swarm(
        tuple(map(str, seen)),
        model.contributions(some),
        seen.to_numpy(np.float64),
        unit="log of spend",
    )


def models_of(rows: Ahead, model: ValueModel) -> dict[str, Artefact]:
    """Return the candidate, then the rules, learnt from the same rows."""
    return {
        CANDIDATE: model,
        "btyd": replace(model, share=0.0),
        "past-spend": PastSpend.fit(rows.learning, recent=False, days=rows.days),
        "recent-spend": PastSpend.fit(rows.learning, recent=True, days=rows.days),
        "rfm": RfmValue.fit(rows.learning, days=rows.days),
    }


def metrics_of(rows: Ahead, expected: pd.DataFrame) -> dict[str, float]:
    """Return the figures of one model's outputs, of 90 days brought to the days of the labels."""
    truth = rows.test.rename(columns={ahead.ORDERS: "orders", ahead.REVENUE: "spend"})
    columns = {
        EXPECTED_ORDERS_90D: "orders",
        EXPECTED_SPEND_90D: "spend",
        SPEND_P10: "low",
        SPEND_P90: "high",
    }
    found = expected[list(columns)].rename(columns=columns) * (rows.horizon / ahead.HORIZON)
    return value_metrics(truth[["orders", "spend"]], found)


def _expected(answers: pd.DataFrame) -> NDArray[np.float64]:
    return answers[EXPECTED_SPEND_90D].to_numpy(dtype=np.float64)


def _slice(rows: Ahead) -> str:
    bought = (rows.test[ahead.ORDERS] > 0).mean()
    return (
        f"{len(rows.test):,} customers with an order before {rows.tested_at:%Y-%m-%d}, "
        f"{bought:.1%} of whom ordered in the {rows.horizon.days} days from then"
    )


def _found(model: ValueModel) -> dict[str, object]:
    orders, worth = model.btyd.orders, model.btyd.worth
    return {
        "share_of_trees": model.share,
        "nobody_drops_out": orders.a == 0,  # the NBD stands in
        **{f"bg_nbd_{name}": round(getattr(orders, name), 6) for name in ("r", "alpha", "a", "b")},
        **{f"gamma_gamma_{name}": round(getattr(worth, name), 6) for name in ("p", "q", "v")},
        "penalty": max(orders.penalty, worth.penalty),
    }
