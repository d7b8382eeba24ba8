"""A model of probabilities meets its rules and the champion on the test slice of a dataset.

What propensity and engagement have in common: how they are judged, guarded, drawn and described.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core import columns as c
from core.errors import DataError, MissingColumnsError
from core.settings import Settings
from features.dataset import Dataset
from features.feature import Feature, definitions_digest
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.contribution_plots import contribution_swarm
from models.gate import Interval, Verdict, auc, decide, paired_bootstrap
from models.plots import calibration_curve, gain_curves, importance_bars, ranking_curves
from models.propensity import PropensityModel
from models.propensity_fit import Fitted, fit_propensity, over_customers
from models.scoring_metrics import scoring_intervals, scoring_metrics
from pipelines.learnable import Learners
from pipelines.outcome import Outcome, progress_bar
from pipelines.training import SEED, Contender, Contest, LearntFrom, finish

SWARM: Final = 2_000  # rows of the test slice whose contributions are drawn, without a name
CANDIDATE: Final = "lightgbm+logistic"  # trees and a line

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a contest says of itself: `models.card` has the headings."""

    slice: str
    purpose: str
    limits: tuple[str, ...]


def train_probability(
    settings: Settings,
    dataset: Dataset,
    allowed: Learners,
    *,
    name: str,
    as_of: datetime,
    features: Sequence[Feature],
    params: Mapping[str, object],
    rules: Callable[[], Mapping[str, Artefact]],
    described: Described,
    trials: int,
    register: bool,
) -> Outcome:
    """Fit a probability on a dataset, let it meet its rules, and register the winner.

    Raises:
        NotEnoughDataError: A slice holds too little to fit on.
        DataError: The model is too good to be true.
    """
    at = dataset.cutoffs
    data = LearntFrom(
        name=name,
        as_of=as_of,
        digest=dataset.digest,
        cutoffs=(*at.training, at.validation),  # the test slice only judges
        rows=len(dataset.seen),
        labels_end=at.test,
        left_out=allowed.left_out,
        features={feature.name: feature.dtype for feature in features},
        features_digest=definitions_digest(features),
    )

    def fit(champion: LoadedModel | None) -> Contest:
        with allowed.named(), progress_bar("tuning", total=trials) as advance:
            fitted = fit_propensity(dataset, trials=trials, seed=SEED, advance=advance)
        return contest_of(settings, dataset, fitted, champion, rules=rules(), described=described)

    chosen = {"trials": trials, "seed": SEED, **params}
    return finish(settings, data=data, params=chosen, fit=fit, register=register)


def contest_of(
    settings: Settings,
    dataset: Dataset,
    fitted: Fitted,
    champion: LoadedModel | None,
    *,
    rules: Mapping[str, Artefact],
    described: Described,
) -> Contest:
    """Judge a fitted model beside rules that were fitted on the same rows.

    The gate compares with the one of them whose probabilities are best on the slice: one that only
    puts customers in order would be no use as a probability, if it won.

    Raises:
        DataError: The model is too good to be true: something it looks at knows the answer.
    """
    slice_ = _Slice.of(dataset)
    models: dict[str, Artefact] = {CANDIDATE: fitted.model, **rules}
    scores = {name: _score(each, dataset.test) for name, each in models.items()}
    candidate, *baselines = (
        slice_.contender(name, each, scores[name]) for name, each in models.items()
    )
    baselines.sort(key=lambda rule: rule.metrics["log_loss"])  # the first is the gate's
    refuse_leak(settings, candidate.metrics["auc"], fitted.model)
    notes = list(fitted.notes)
    current, of_champion = _champion(champion, dataset, slice_, notes)
    folds = over_customers(dataset, fitted.model, seed=SEED)
    if folds:
        notes.append(_told(folds))
    judged = _Judged(settings, slice_, scores, of_champion)
    return Contest(
        candidate=replace(candidate, details=folds),
        baselines=baselines,
        champion=current,
        headline="auc",
        verdict=judged.verdict(
            baselines[0].name, stays=current is None and _has_seen(champion, dataset)
        ),
        slice=described.slice,
        purpose=described.purpose,
        limits=described.limits,
        figures=_figures(fitted.model, dataset.test, scores),
        params=_found(fitted),
        tuned=fitted.tuned if "tuned" in fitted.validation else None,
        notes=notes,
        gain_over=judged.gain_over,
    )


@dataclass(frozen=True, slots=True)
class _Slice:
    """What contenders are judged on: labels, and whose they are."""

    truth: NDArray[Any]
    customers: NDArray[Any]

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        return cls(dataset.test[c.LABEL].to_numpy(), dataset.test[c.CUSTOMER_ID].to_numpy())

    def pairs(self, score: Scores) -> Scores:
        return np.column_stack([self.truth.astype(np.float64), score])

    def contender(self, name: str, model: Artefact, score: Scores) -> Contender:
        return Contender(
            name=name,
            model=model,
            metrics=scoring_metrics(self.truth, score),
            intervals=scoring_intervals(self.truth, score, seed=SEED, units=self.customers),
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """Compares the candidate with others by AUC, all the rows of a customer drawn together."""

    settings: Settings
    slice_: _Slice
    scores: Mapping[str, Scores]
    of_champion: Scores | None

    def gain_over(self, name: str) -> Interval:
        return paired_bootstrap(
            self._pairs(CANDIDATE),
            self._pairs(name),
            metric=auc,
            seed=SEED,
            units=self.slice_.customers,
        )

    def verdict(self, rule: str, *, stays: bool) -> Verdict:
        champion = self.of_champion
        return decide(
            candidate=self._pairs(CANDIDATE),
            baseline=self._pairs(rule),
            rule=rule,
            champion=None if champion is None else self.slice_.pairs(champion),
            metric=auc,
            margin=self.settings.gate_margin,
            seed=SEED,
            units=self.slice_.customers,
            stays=stays,
        )

    def _pairs(self, name: str) -> Scores:
        return self.slice_.pairs(self.scores[name])


def _told(folds: Mapping[str, float]) -> str:
    ends = f"{folds['auc_folds_low']:.3f}, {folds['auc_folds_high']:.3f}"
    return (
        "AUC over five folds of customers, before the test slice: "
        f"{folds['auc_folds']:.3f} [{ends}]"
    )


def refuse_leak(settings: Settings, found: float, model: PropensityModel) -> None:
    """Refuse a model that orders customers better than their behaviour allows.

    Raises:
        DataError: Its AUC is above the setting `leak_auc`.
    """
    if found <= settings.leak_auc:
        return
    name, share = next(iter(model.importance().items()))
    raise DataError(
        f"AUC {found:.3f} on the test slice is above {settings.leak_auc:g}: too good to be true, "
        f"so something knows the answer. {name} has {share:.0%} of the gain: look whether it is "
        "known before the cut-off. If it is explained, raise leak_auc in conf/sendwise.yaml."
    )


def _figures(
    model: PropensityModel, test: pd.DataFrame, scores: Mapping[str, Scores]
) -> dict[str, Figure]:
    truth = test[c.LABEL].to_numpy()
    some = test.sample(min(SWARM, len(test)), random_state=SEED)
    values = some[list(model.features)].to_numpy(dtype=np.float64)
    return {
        "calibration.png": calibration_curve(truth, scores),
        "ranking.png": ranking_curves(truth, scores),
        "gains.png": gain_curves(truth, scores),
        "importance.png": importance_bars(model.importance()),
        "contributions.png": contribution_swarm(model.features, model.contributions(some), values),
    }


def _champion(
    champion: LoadedModel | None, dataset: Dataset, slice_: _Slice, notes: list[str]
) -> tuple[Contender | None, Scores | None]:
    """Score the champion on the test slice; one that needs other features cannot defend itself."""
    if champion is None:
        return None, None
    if _has_seen(champion, dataset):
        notes.append(
            f"champion v{champion.version} was not compared: it is of "
            f"{champion.meta['as_of'][:10]} and has learnt from the test slice"
        )
        return None, None
    try:
        score = _score(champion.model, dataset.test)
    except MissingColumnsError as error:
        absent = ", ".join(error.missing)
        notes.append(
            f"champion v{champion.version} was not compared: it needs {absent}, no longer defined"
        )
        return None, None
    return slice_.contender(f"champion v{champion.version}", champion.model, score), score


def _has_seen(champion: LoadedModel | None, dataset: Dataset) -> bool:
    """Tell whether the champion has learnt from labels of after the test cut-off.

    Its labels ended where its own test slice began.
    """
    if champion is None:
        return False
    end = champion.meta.get("labels_end") or champion.meta["as_of"]
    return datetime.fromisoformat(end) > dataset.cutoffs.test


def _score(model: Artefact, frame: pd.DataFrame) -> Scores:
    return np.asarray(model.predict(frame), dtype=np.float64)


def _found(fitted: Fitted) -> dict[str, object]:
    params = fitted.model.params
    return {
        "tuned": fitted.tuned,
        "calibration": type(fitted.model.calibration).__name__.lower()
        if fitted.model.calibration
        else "none",
        "rounds": params.rounds,
        "learning_rate": round(params.learning_rate, 6),
        "num_leaves": params.num_leaves,
        "min_data_in_leaf": params.min_data_in_leaf,
        "feature_fraction": round(params.feature_fraction, 6),
        "bagging_fraction": round(params.bagging_fraction, 6),
        "lambda_l2": round(params.lambda_l2, 6),
        **{
            f"validation_log_loss_{name.replace(' ', '_')}": round(loss, 6)
            for name, loss in fitted.validation.items()
        },
    }
