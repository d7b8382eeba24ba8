"""Propensity: gradient-boosted trees and a logistic regression on point-in-time features."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from core import columns as c
from models.calibration import Calibration, Floats, Sigmoid, Steps
from models.rules import Logistic, columns_of

_TREES: Final = "trees.txt"
_REST: Final = "propensity.json"
_CALIBRATIONS: Final[dict[str, type[Calibration]]] = {"sigmoid": Sigmoid, "steps": Steps}
_MANY_ROWS: Final = 100_000  # below, threads wait for each other longer than they work


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How the trees grow. The defaults suit some ten thousand rows; classes are not weighted.

    Weights or resampling would bring the probabilities out of line with the share of buyers.
    """

    rounds: int = 100
    learning_rate: float = 0.05
    num_leaves: int = 7
    min_data_in_leaf: int = 50
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    lambda_l2: float = 1.0


@dataclass(frozen=True, slots=True)
class PropensityModel:
    """Probability that a customer does something within the horizon after the cut-off.

    Attributes:
        features: Columns, in the model's order.
        booster: The trees.
        params: How they grew.
        line: A logistic regression on the same features, whose log odds count as much as the
            trees': it goes on where trees have seen nobody, and the mean of both errs less.
        calibration: From log odds to a probability; None: the log odds are meant.
    """

    kind: ClassVar[str] = "propensity"
    features: tuple[str, ...]
    booster: lgb.Booster
    params: Params
    line: Logistic
    calibration: Calibration | None = None

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, *, features: tuple[str, ...], params: Params, seed: int
    ) -> Self:
        """Learn from all rows of `frame`, which has the features and the label."""
        booster = lgb.train(
            settings_of(params, seed, len(frame)),
            rows_of(frame, features),
            num_boost_round=params.rounds,
        )
        line = Logistic.fit(frame, frame[c.LABEL].to_numpy(), features=features)
        return cls(features=features, booster=booster, params=params, line=line)

    def calibration_on(self, frame: pd.DataFrame, how: str) -> Calibration:
        """Return a `sigmoid` or `steps` learnt from rows that this model has not seen."""
        margin = self.margin(self._values(frame))
        return _CALIBRATIONS[how].fit(margin, frame[c.LABEL].to_numpy())

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability, one per row.

        Args:
            frame: The model's features by name, in any order; other columns are ignored.

        Raises:
            MissingColumnsError: A feature is not there.
            DataError: A value is not a finite number.
        """
        return self.predict_values(self._values(frame))

    def predict_values(self, values: Floats) -> Floats:
        """Score rows of features in the model's order, shape (n, n_features): the short way."""
        return (self.calibration or expit)(self.margin(values))

    def margin(self, values: Floats) -> Floats:
        """Return the log odds before calibration of rows of features in the model's order."""
        raw = self.booster.predict(values, raw_score=True, num_threads=_threads(len(values)))
        trees = np.asarray(raw, dtype=np.float64)
        return (trees + self.line.margin(values)) / 2

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each feature moves each score, in log odds, shape (n, n_features).

        Shapley values of trees and line; with what both say of everybody they add up to the log
        odds before calibration, which changes no order.
        """
        values = self._values(frame)
        shape = (len(values), len(self.features) + 1)  # the last: what is said of everybody
        moved = self.booster.predict(values, pred_contrib=True, num_threads=_threads(len(values)))
        of_trees = np.asarray(moved, dtype=np.float64).reshape(shape)[:, :-1]
        return (of_trees + self.line.contributions(frame)) / 2

    def importance(self) -> dict[str, float]:
        """Return each feature's share of the gain of all splits, biggest first."""
        gain = self.booster.feature_importance("gain")
        shares = gain / (gain.sum() or 1.0)
        pairs = zip(self.features, shares.tolist(), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM text and the rest as JSON."""
        (folder / _TREES).write_text(self.booster.model_to_string(), encoding="utf-8")
        how = next(
            (n for n, kind in _CALIBRATIONS.items() if isinstance(self.calibration, kind)), ""
        )
        rest = {
            "features": self.features,
            "params": asdict(self.params),
            "line": asdict(self.line),
            "calibration": self.calibration and [how, asdict(self.calibration)],
        }
        (folder / _REST).write_text(json.dumps(rest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        rest = json.loads((folder / _REST).read_text(encoding="utf-8"))
        calibration = rest["calibration"]
        return cls(
            features=tuple(rest["features"]),
            booster=lgb.Booster(model_str=(folder / _TREES).read_text(encoding="utf-8")),
            params=Params(**rest["params"]),
            line=Logistic.of(rest["line"]),
            calibration=calibration and _calibration(*calibration),
        )

    def _values(self, frame: pd.DataFrame) -> Floats:
        return columns_of(frame, self.features, where="models.propensity")


def _calibration(how: str, found: dict[str, Any]) -> Calibration:
    numbers: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }
    return _CALIBRATIONS[how](**numbers)


def rows_of(
    frame: pd.DataFrame, features: tuple[str, ...], like: lgb.Dataset | None = None
) -> lgb.Dataset:
    """Return rows for LightGBM, binned as those of `like` where it is given."""
    return lgb.Dataset(
        columns_of(frame, features, where="models.propensity"),
        label=frame[c.LABEL].to_numpy(),
        reference=like,
        params={"feature_pre_filter": False, "verbose": -1},
        free_raw_data=False,
    )


def settings_of(params: Params, seed: int, rows: int) -> dict[str, object]:
    """Return LightGBM's settings: the same rows and seed grow the same trees."""
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
