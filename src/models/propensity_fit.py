"""How a propensity is found: its parameters and its calibration.

Each is tried on slices of time before the test slice and kept only where it lowers the log loss of
later rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

import lightgbm as lgb
import numpy as np
import optuna
import pandas as pd
from scipy.stats import t as student

from core import columns as c
from core.clock import MICROSECOND
from features.dataset import Dataset
from models.propensity import Params, PropensityModel, rows_of, settings_of
from models.scoring_metrics import auc, log_loss
from models.search import search

_MOST_ROUNDS: Final = 600
_PATIENCE: Final = 30
_FOLDS: Final = 2
_CUSTOMER_FOLDS: Final = 5
CALIBRATIONS: Final = ("sigmoid", "steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The model, and how its recipe was found."""

    model: PropensityModel
    tuned: bool
    validation: dict[str, float]  # log loss on the validation slice, by recipe
    notes: tuple[str, ...]


def fit_propensity(
    dataset: Dataset, *, trials: int, seed: int, advance: Callable[[], object] = lambda: None
) -> Fitted:
    """Find a recipe on the slices before the test slice, then fit it on all of them.

    Tuning looks only at the training slice (each cut-off judged by models of earlier ones). What
    it finds, and a calibration, are kept only where they lower the log loss of the validation
    slice. The test slice is never touched, not even to stop early.

    Args:
        dataset: From `features.dataset`.
        trials: Optuna trials; 0 keeps the default parameters.
        seed: Of the sampler and of the trees' row and column draws.
        advance: Called after each trial.

    Returns:
        A model fitted on all that was seen before the test slice: the one to judge on it and to
        register as it is.
    """
    notes: list[str] = []
    recipes = {"defaults": Params()}
    if trials and _judges(dataset):
        recipes["tuned"] = tune(dataset, trials=trials, seed=seed, advance=advance)
    elif trials:
        notes.append("not tuned: no training cut-off can judge models of earlier ones")
    fits = {name: _fit(dataset, dataset.training, each, seed) for name, each in recipes.items()}
    losses = {name: _loss(each, dataset.validation) for name, each in fits.items()}
    chosen = min(losses, key=lambda name: losses[name])  # the first, the defaults, wins a tie
    if "tuned" in recipes and chosen == "defaults":
        notes.append("tuned parameters did not beat the defaults on the validation slice: not used")
    model = _fit(dataset, dataset.seen, recipes[chosen], seed)
    if how := _calibration(dataset, recipes[chosen], seed, losses, least=losses[chosen]):
        # Learnt from a model that had not seen these labels, and true of one with a slice more.
        model = replace(model, calibration=fits[chosen].calibration_on(dataset.validation, how))
        notes.append(f"a calibration ({how}) learnt on the validation slice sets the probabilities")
    return Fitted(model=model, tuned=chosen == "tuned", validation=losses, notes=tuple(notes))


def _calibration(
    dataset: Dataset, params: Params, seed: int, losses: dict[str, float], *, least: float
) -> str:
    """Judge what calibrations are worth, and return the one to use, empty: none.

    Each is learnt on the last training cut-off, with a model that had not seen its labels, and
    judged on the validation slice with one that has.
    """
    if not (judges := _judges(dataset)):
        return ""
    at, last = dataset.training[c.CUTOFF_US], judges[-1]
    earlier = _fit(dataset, dataset.training[at + _span(dataset) <= last], params, seed)
    later = _fit(dataset, dataset.training, params, seed)
    for how in CALIBRATIONS:
        calibration = earlier.calibration_on(dataset.training[at == last], how)
        losses[how] = _loss(replace(later, calibration=calibration), dataset.validation)
    best = min(CALIBRATIONS, key=lambda how: losses[how])
    return best if losses[best] < least else ""


def tune(
    dataset: Dataset, *, trials: int, seed: int, advance: Callable[[], object] = lambda: None
) -> Params:
    """Search parameters by the log loss of the last training cut-offs, each from earlier ones.

    Rows of one cut-off are judged by trees that have seen only cut-offs whose labels were
    complete by then; a trial that is behind after the first of them is given up. The number of
    rounds is where the folds stopped to improve, on average.
    """
    at = dataset.training[c.CUTOFF_US]
    folds = []
    for cutoff_us in _judges(dataset)[-_FOLDS:]:
        known = dataset.training[at + _span(dataset) <= cutoff_us]
        learn = rows_of(known, dataset.features)
        folds.append((learn, rows_of(dataset.training[at == cutoff_us], dataset.features, learn)))

    def objective(trial: optuna.Trial) -> float:
        params = _suggest(trial)
        rounds: list[int] = []
        losses: list[float] = []
        advance()
        for number, (learn, judge) in enumerate(folds):
            found, loss = _stop_early(params, seed, learn, judge)
            rounds.append(found)
            losses.append(loss)
            trial.report(-float(np.mean(losses)), number)
            if trial.should_prune():
                raise optuna.TrialPruned
        trial.set_user_attr("rounds", round(float(np.mean(rounds))))
        return -float(np.mean(losses))

    first = {name: value for name, value in asdict(Params()).items() if name != "rounds"}
    study = search(objective, first, trials=trials, seed=seed)
    return Params(**study.best_params, rounds=study.best_trial.user_attrs["rounds"])


def over_customers(dataset: Dataset, model: PropensityModel, *, seed: int) -> dict[str, float]:
    """Return the AUC of a recipe over folds of customers, with its 95 % interval.

    Each fold's customers are judged on the validation slice by a model that has learnt from the
    others only, from the training slice: how much the figure owes to who happened to be in it.
    Empty where a fold has one class only.
    """
    customers = np.sort(dataset.validation[c.CUSTOMER_ID].unique())
    fold = np.random.default_rng(seed).permutation(len(customers)) % _CUSTOMER_FOLDS
    of_customer = pd.Series(fold, index=customers)
    found = []
    for number in range(_CUSTOMER_FOLDS):
        held = dataset.validation[dataset.validation[c.CUSTOMER_ID].map(of_customer) == number]
        if held[c.LABEL].nunique() < 2:
            return {}
        others = dataset.training[dataset.training[c.CUSTOMER_ID].map(of_customer) != number]
        one = _fit(dataset, others, model.params, seed)
        found.append(auc(held[c.LABEL], one.predict(held)))
    half = float(student.ppf(0.975, len(found) - 1) * np.std(found, ddof=1) / np.sqrt(len(found)))
    mean = float(np.mean(found))
    return {"auc_folds": mean, "auc_folds_low": mean - half, "auc_folds_high": mean + half}


def _judges(dataset: Dataset) -> list[int]:
    """Return the training cut-offs before which labels of others were known, in order."""
    at = sorted(dataset.training[c.CUTOFF_US].unique().tolist())
    return [each for each in at if at[0] + _span(dataset) <= each]


def _span(dataset: Dataset) -> int:
    return dataset.cutoffs.horizon // MICROSECOND


def _suggest(trial: optuna.Trial) -> Params:
    return Params(
        rounds=_MOST_ROUNDS,
        learning_rate=trial.suggest_float("learning_rate", 0.03, 0.1, log=True),
        num_leaves=trial.suggest_int("num_leaves", 3, 24),
        min_data_in_leaf=trial.suggest_int("min_data_in_leaf", 20, 300, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.2, 1.0),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.5, 1.0),
        lambda_l2=trial.suggest_float("lambda_l2", 0.01, 30.0, log=True),
    )


def _stop_early(
    params: Params, seed: int, learn: lgb.Dataset, judge: lgb.Dataset
) -> tuple[int, float]:
    booster = lgb.train(
        settings_of(params, seed, learn.construct().num_data()),
        learn,
        num_boost_round=params.rounds,
        valid_sets=[judge],
        valid_names=["judge"],
        callbacks=[lgb.early_stopping(_PATIENCE, verbose=False)],
    )
    return booster.best_iteration, booster.best_score["judge"]["binary_logloss"]


def _fit(dataset: Dataset, frame: pd.DataFrame, params: Params, seed: int) -> PropensityModel:
    return PropensityModel.fit(frame, features=dataset.features, params=params, seed=seed)


def _loss(model: PropensityModel, frame: pd.DataFrame) -> float:
    return log_loss(frame[c.LABEL], model.predict(frame))
