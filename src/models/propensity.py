"""Propensity to order: gradient-boosted trees on point-in-time features."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import lightgbm as lgb
import numpy as np
import optuna
import pandas as pd

from core import columns as c
from features.dataset import Dataset
from models.calibration import Floats, Sigmoid
from models.rules import columns_of
from models.scoring_metrics import log_loss

_TREES: Final = "trees.txt"
_REST: Final = "propensity.json"
_MOST_ROUNDS: Final = 600
_PATIENCE: Final = 30
_FOLDS: Final = 2
_MANY_ROWS: Final = 100_000  # below, threads wait for each other longer than they work


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How the trees grow. The defaults suit some ten thousand rows; classes are not weighted.

    Weights or resampling would bring the probabilities out of line with the share of buyers.
    """

    rounds: int = 150
    learning_rate: float = 0.05
    num_leaves: int = 7
    min_data_in_leaf: int = 50
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    lambda_l2: float = 1.0


@dataclass(frozen=True, slots=True)
class PropensityModel:
    """Probability that a customer orders within the horizon after the cut-off."""

    kind: ClassVar[str] = "propensity"
    features: tuple[str, ...]
    booster: lgb.Booster
    params: Params
    sigmoid: Sigmoid | None = None

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, *, features: tuple[str, ...], params: Params, seed: int
    ) -> Self:
        """Grow the trees on all rows of `frame`, which has the features and the label."""
        booster = lgb.train(
            _settings(params, seed, len(frame)),
            _rows(frame, features),
            num_boost_round=params.rounds,
        )
        return cls(features=features, booster=booster, params=params)

    def calibrated(self, frame: pd.DataFrame) -> PropensityModel:
        """Return this model with a sigmoid learnt from rows that the trees have not seen."""
        margin = self._margin(self._values(frame))
        sigmoid = Sigmoid.fit(margin, frame[c.LABEL].to_numpy())
        return PropensityModel(self.features, self.booster, self.params, sigmoid)

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an order, one per row.

        Args:
            frame: The model's features by name, in any order; other columns are ignored.

        Raises:
            MissingColumnsError: A feature is not there.
            DataError: A value is not a finite number.
        """
        return self.predict_values(self._values(frame))

    def predict_values(self, values: Floats) -> Floats:
        """Score rows of features in the model's order, shape (n, n_features): the short way."""
        if self.sigmoid is not None:
            return self.sigmoid(self._margin(values))
        return np.asarray(self.booster.predict(values, num_threads=_threads(len(values))))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each feature moves each score, in log odds, shape (n, n_features).

        Shapley values of the trees; with what the trees say of everybody they add up to the score.
        """
        values = self._values(frame)
        shape = (len(values), len(self.features) + 1)  # the last: what is said of everybody
        moved = self.booster.predict(values, pred_contrib=True, num_threads=_threads(len(values)))
        slope = 1.0 if self.sigmoid is None else self.sigmoid.slope
        return slope * np.asarray(moved, dtype=np.float64).reshape(shape)[:, :-1]

    def importance(self) -> dict[str, float]:
        """Return each feature's share of the gain of all splits, biggest first."""
        gain = self.booster.feature_importance("gain")
        shares = gain / (gain.sum() or 1.0)
        pairs = zip(self.features, shares.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM text and the rest as JSON."""
        (folder / _TREES).write_text(self.booster.model_to_string(), encoding="utf-8")
        rest = {
            "features": self.features,
            "params": asdict(self.params),
            "sigmoid": None if self.sigmoid is None else asdict(self.sigmoid),
        }
        (folder / _REST).write_text(json.dumps(rest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        rest = json.loads((folder / _REST).read_text(encoding="utf-8"))
        sigmoid = rest["sigmoid"]
        return cls(
            features=tuple(rest["features"]),
            booster=lgb.Booster(model_str=(folder / _TREES).read_text(encoding="utf-8")),
            params=Params(**rest["params"]),
            sigmoid=None if sigmoid is None else Sigmoid(**sigmoid),
        )

    def _values(self, frame: pd.DataFrame) -> Floats:
        return columns_of(frame, self.features, where="models.propensity")

    def _margin(self, values: Floats) -> Floats:
        raw = self.booster.predict(values, raw_score=True, num_threads=_threads(len(values)))
        return np.asarray(raw, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The model, the same model with default parameters, and how its recipe was found."""

    model: PropensityModel
    default: PropensityModel
    tuned: bool
    validation: dict[str, float]  # log loss on the validation slice, by recipe
    notes: tuple[str, ...]


def fit_propensity(
    dataset: Dataset, *, trials: int, seed: int, advance: Callable[[], object] = lambda: None
) -> Fitted:
    """Find a recipe on the training and validation slices, then fit it on both.

    Tuning looks only at the training cut-offs (each judged by models of earlier ones); the
    tuned parameters and the sigmoid are kept only where they lower the log loss of the
    validation slice. The test slice is never touched, not even to stop early.

    Args:
        dataset: From `features.dataset.training_set`.
        trials: Optuna trials; 0 keeps the default parameters.
        seed: Of the sampler and of the trees' row and column draws.
        advance: Called after each trial.

    Returns:
        Models fitted on the training and validation slices: the ones to judge on the test
        slice and to register as they are.
    """
    at = dataset.training[c.CUTOFF_US]
    several = bool(at.min() < at.max())
    notes: list[str] = []
    recipes = {"defaults": Params()}
    if trials and several:
        recipes["tuned"] = tune(dataset, trials=trials, seed=seed, advance=advance)
    elif trials:
        notes.append("not tuned: there is one training cut-off only")
    losses = {
        name: _loss(_fit(dataset, dataset.training, params, seed), dataset.validation)
        for name, params in recipes.items()
    }
    chosen = min(losses, key=lambda name: losses[name])  # the first, the defaults, wins a tie
    params = recipes[chosen]
    if "tuned" in recipes and chosen == "defaults":
        notes.append("tuned parameters did not beat the defaults on the validation slice: not used")
    everything = pd.concat([dataset.training, dataset.validation], ignore_index=True)
    model = _fit(dataset, everything, params, seed)
    if several:
        losses["sigmoid"] = _loss_with_sigmoid(dataset, params, seed)
        if losses["sigmoid"] < losses[chosen]:
            model = _fit(dataset, dataset.training, params, seed).calibrated(dataset.validation)
            notes.append("a sigmoid learnt on the validation slice sets the probabilities")
    return Fitted(
        model=model,
        default=_fit(dataset, everything, Params(), seed),
        tuned=chosen == "tuned",
        validation=losses,
        notes=tuple(notes),
    )


def _loss_with_sigmoid(dataset: Dataset, params: Params, seed: int) -> float:
    """Judge what a sigmoid would be worth: it costs the trees their latest cut-off."""
    at = dataset.training[c.CUTOFF_US]
    trees = _fit(dataset, dataset.training[at < at.max()], params, seed)
    return _loss(trees.calibrated(dataset.training[at == at.max()]), dataset.validation)


def tune(
    dataset: Dataset, *, trials: int, seed: int, advance: Callable[[], object] = lambda: None
) -> Params:
    """Search parameters by the log loss of the last training cut-offs, each from earlier ones.

    Rows of one cut-off are judged by trees that have seen only cut-offs whose labels were
    complete by then. The number of rounds is where the folds stopped to improve, on average.
    """
    at = dataset.training[c.CUTOFF_US]
    folds = []
    for cutoff_us in sorted(at.unique())[1:][-_FOLDS:]:
        learn = _rows(dataset.training[at < cutoff_us], dataset.features)
        folds.append((learn, _rows(dataset.training[at == cutoff_us], dataset.features, learn)))

    def objective(trial: optuna.Trial) -> float:
        params = _suggest(trial)
        found = [_stop_early(params, seed, learn, judge) for learn, judge in folds]
        trial.set_user_attr("rounds", round(float(np.mean([rounds for rounds, _ in found]))))
        advance()
        return float(np.mean([loss for _, loss in found]))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    return Params(**study.best_params, rounds=study.best_trial.user_attrs["rounds"])


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
        _settings(params, seed, learn.construct().num_data()),
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


def _rows(
    frame: pd.DataFrame, features: tuple[str, ...], like: lgb.Dataset | None = None
) -> lgb.Dataset:
    return lgb.Dataset(
        columns_of(frame, features, where="models.propensity"),
        label=frame[c.LABEL].to_numpy(),
        reference=like,
        params={"feature_pre_filter": False, "verbose": -1},
        free_raw_data=False,
    )


def _settings(params: Params, seed: int, rows: int) -> dict[str, object]:
    grown = {name: value for name, value in asdict(params).items() if name != "rounds"}
    return grown | {
        "objective": "binary",
        "metric": "binary_logloss",
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,  # else LightGBM times both ways and may choose differently
        "feature_pre_filter": False,
        "num_threads": _threads(rows),
        "verbose": -1,
    }


def _threads(rows: int) -> int:
    """The result does not depend on the number of threads, only the time does."""
    return 2 if rows >= _MANY_ROWS else 1
