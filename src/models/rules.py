"""The simple rules that propensity must beat, with the same interface as the model itself.

Each is a score that a marketer could work out by hand, brought to a probability by a sigmoid,
so that log loss and calibration can be compared and a winning rule can be the champion.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from core.errors import DataError, MissingColumnsError
from features.definitions.orders import RECENCY_DAYS
from features.feature import names
from features.registry import ORDERS, PROPENSITY, REVENUE
from models.calibration import Floats, Sigmoid

_FILE: Final = "rule.json"
_LEAST_RATE: Final = 0.01  # what no answer at all counts as
_QUINTILES: Final = (0.2, 0.4, 0.6, 0.8)
_MIDDLE: Final = 3.0  # points of the middle fifth


def columns_of(frame: pd.DataFrame, features: tuple[str, ...], *, where: str) -> Floats:
    """Return the named columns as an array, in order; what else the frame holds is ignored.

    Raises:
        MissingColumnsError: A column is not there.
        DataError: A value is not a finite number.
    """
    if absent := set(features) - set(frame.columns):
        raise MissingColumnsError(where, absent, map(str, frame.columns))
    values = frame[list(features)].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        bad = [
            name
            for name, column in zip(features, values.T, strict=True)
            if not np.isfinite(column).all()
        ]
        raise DataError(f"{where}: {bad} hold values that are not numbers; use features.engine.")
    return values


@dataclass(frozen=True, slots=True)
class Recency:
    """Who bought last will buy next: minus the logarithm of the days since the last order."""

    kind: ClassVar[str] = "recency"
    features: ClassVar[tuple[str, ...]] = (RECENCY_DAYS.name,)
    sigmoid: Sigmoid
    middle: float = 0.0  # mean score of the training customers

    @classmethod
    def fit(cls, frame: pd.DataFrame, label: NDArray[np.generic]) -> Self:
        """Learn what a day of silence means."""
        score = cls._score(frame)
        return cls(sigmoid=Sigmoid.fit(score, label), middle=float(score.mean()))

    @classmethod
    def _score(cls, frame: pd.DataFrame) -> Floats:
        days = columns_of(frame, cls.features, where="models.rules.Recency")[:, 0]
        return -np.log1p(days)

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an order, one per row."""
        return self.sigmoid(self._score(frame))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far recency moves each score from the mean, in log odds, shape (n, 1)."""
        return (self.sigmoid.slope * (self._score(frame) - self.middle))[:, None]

    def save(self, folder: Path) -> None:
        """Write the learnt numbers."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        found = _read(folder)
        return cls(sigmoid=Sigmoid(**found["sigmoid"]), middle=found.get("middle", 0.0))


@dataclass(frozen=True, slots=True)
class PastAnswers:
    """Who answered mails before will answer this one: one feature, such as the smoothed open rate.

    The features' rates are drawn towards the shop's mean, so that one mail opened of one is not
    always.
    """

    kind: ClassVar[str] = "past-answers"
    feature: str
    sigmoid: Sigmoid
    middle: float = 0.0  # mean score of the training mails

    @classmethod
    def fit(cls, frame: pd.DataFrame, label: NDArray[np.generic], *, feature: str) -> Self:
        """Learn what a value of the feature means."""
        score = cls._score(frame, feature)
        return cls(feature, Sigmoid.fit(score, label), float(score.mean()))

    @property
    def features(self) -> tuple[str, ...]:
        """The one feature."""
        return (self.feature,)

    @classmethod
    def _score(cls, frame: pd.DataFrame, feature: str) -> Floats:
        values = columns_of(frame, (feature,), where="models.rules.PastAnswers")[:, 0]
        return np.log(values + _LEAST_RATE)

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an answer, one per row."""
        return self.sigmoid(self._score(frame, self.feature))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far the feature moves each score from the mean, in log odds, shape (n, 1)."""
        return (self.sigmoid.slope * (self._score(frame, self.feature) - self.middle))[:, None]

    def save(self, folder: Path) -> None:
        """Write the feature's name and the learnt numbers."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        found = _read(folder)
        return cls(found["feature"], Sigmoid(**found["sigmoid"]), found.get("middle", 0.0))


@dataclass(frozen=True, slots=True)
class RfmSum:
    """Recency, frequency and monetary value of the last year, 1 to 5 points each, added up.

    The points are quintiles of the training customers: what marketing has done since the
    catalogue trade (Hughes, "Strategic database marketing", 1994).
    """

    kind: ClassVar[str] = "rfm-sum"
    features: ClassVar[tuple[str, ...]] = (RECENCY_DAYS.name, ORDERS[-1].name, REVENUE[-1].name)
    edges: tuple[tuple[float, ...], ...]
    sigmoid: Sigmoid

    @classmethod
    def fit(cls, frame: pd.DataFrame, label: NDArray[np.generic]) -> Self:
        """Learn the quintiles, and what a sum of points means."""
        values = columns_of(frame, cls.features, where="models.rules.RfmSum")
        edges = tuple(
            tuple(float(edge) for edge in np.quantile(column, _QUINTILES)) for column in values.T
        )
        return cls(edges=edges, sigmoid=Sigmoid.fit(_points(values, edges).sum(axis=1), label))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an order, one per row."""
        values = columns_of(frame, self.features, where="models.rules.RfmSum")
        return self.sigmoid(_points(values, self.edges).sum(axis=1))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far the points of each part lie from three, in log odds, shape (n, 3)."""
        values = columns_of(frame, self.features, where="models.rules.RfmSum")
        return self.sigmoid.slope * (_points(values, self.edges) - _MIDDLE)

    def save(self, folder: Path) -> None:
        """Write quintiles and sigmoid."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        found = _read(folder)
        edges = tuple(tuple(column) for column in found["edges"])
        return cls(edges=edges, sigmoid=Sigmoid(**found["sigmoid"]))


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression on the logarithms of all features: a straight line, no surprises."""

    kind: ClassVar[str] = "logistic"
    features: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        label: NDArray[np.generic],
        *,
        features: tuple[str, ...] = tuple(names(PROPENSITY)),
    ) -> Self:
        """Learn one weight per feature; L2 penalty 1 on standardised logarithms."""
        values = _logs(columns_of(frame, features, where="models.rules.Logistic"))
        centre, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        fitted = LogisticRegression(C=1.0, max_iter=2_000).fit((values - centre) / spread, label)
        return cls(
            features=features,
            centre=tuple(centre.tolist()),
            spread=tuple(spread.tolist()),
            weights=tuple(fitted.coef_[0].tolist()),
            intercept=float(fitted.intercept_[0]),
        )

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of an order, one per row."""
        values = columns_of(frame, self.features, where="models.rules.Logistic")
        return np.asarray(expit(self.margin(values)), dtype=np.float64)

    def margin(self, values: Floats) -> Floats:
        """Return the log odds of rows of features in the model's order, shape (n, n_features)."""
        return np.asarray(self._moved(values).sum(axis=1) + self.intercept, dtype=np.float64)

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each feature moves each score from the mean, in log odds."""
        return self._moved(columns_of(frame, self.features, where="models.rules.Logistic"))

    def _moved(self, values: Floats) -> Floats:
        scaled = (_logs(values) - np.array(self.centre)) / np.array(self.spread)
        return np.asarray(scaled * np.array(self.weights), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write weights and scales."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls.of(_read(folder))

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Make it of what `asdict` gave, after JSON has made lists of its tuples."""
        lists = {name: tuple(found[name]) for name in ("features", "centre", "spread", "weights")}
        return cls(**lists, intercept=found["intercept"])


def _points(values: Floats, edges: tuple[tuple[float, ...], ...]) -> Floats:
    """Give 1 to 5 points per column; the first column is recency, where less is better."""
    fifths = [
        np.searchsorted(np.array(edge), column, side="left") + 1
        for edge, column in zip(edges, values.T, strict=True)
    ]
    return np.column_stack([6 - fifths[0], *fifths[1:]]).astype(np.float64)


def _logs(values: Floats) -> Floats:
    return np.sign(values) * np.log1p(np.abs(values))


def _write(folder: Path, content: dict[str, object]) -> None:
    text = json.dumps(content, indent=1, sort_keys=True)
    (folder / _FILE).write_text(text + "\n", encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return found
