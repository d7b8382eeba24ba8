"""How far each of a few features moves a probability, whatever makes it of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial
from typing import Protocol

import numpy as np
import pandas as pd

from models.calibration import Floats, log_odds
from models.rules import columns_of


class Predicts(Protocol):
    """A model of a handful of features."""

    @property
    def features(self) -> tuple[str, ...]:
        """Their names."""
        ...

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Return a probability per row."""
        ...


def shapley_values(model: Predicts, frame: pd.DataFrame, middle: Sequence[float]) -> Floats:
    """Return each feature's share of the way from the score of `middle` to that of each row.

    Every set of features is tried, 2 to their number.

    Args:
        model: Whose probabilities are told, in log odds.
        frame: One row per customer.
        middle: The features of whom rows are compared with, in the model's order.

    Returns:
        Shape (n, n_features); a row adds up to its score less that of `middle`.

    Raises:
        MissingColumnsError: A feature is not there.
        DataError: A value is not a finite number.

    Source:
        Shapley, "A value for n-person games", 1953; features not in a set are those of `middle`
        (baseline Shapley, Sundararajan & Najmi, ICML 2020).
    """
    names = list(model.features)
    number = len(names)
    values = columns_of(frame, model.features, where="models.shapley")
    scored: dict[tuple[int, ...], Floats] = {}
    for size in range(number + 1):
        for known in combinations(range(number), size):
            rows = np.tile(np.asarray(middle, dtype=np.float64), (len(values), 1))
            rows[:, known] = values[:, known]
            scored[known] = log_odds(model.predict(pd.DataFrame(rows, columns=names)))
    moved = np.zeros(values.shape)
    for known, without in scored.items():
        for feature in set(range(number)) - set(known):
            orders = factorial(len(known)) * factorial(number - len(known) - 1)
            joined = tuple(sorted((*known, feature)))
            moved[:, feature] += orders / factorial(number) * (scored[joined] - without)
    return moved


def median_of(frame: pd.DataFrame, features: tuple[str, ...]) -> tuple[float, ...]:
    """Return the features of the median customer, one by one.

    Raises:
        MissingColumnsError: A feature is not there.
    """
    values = columns_of(frame, features, where="models.shapley")
    return tuple(np.median(values, axis=0).tolist())
