"""Small trees that learn slowly, and bounds made of them: for amounts and for waiting times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import lightgbm as lgb
import numpy as np

from models.calibration import Floats

TAIL: Final = 0.1  # share of customers beyond each bound
_BOUND_ROUNDS: Final = 150
# Slow and shallow: chosen on windows before those that any figure is told of.
_GROWN: Final[dict[str, Any]] = {
    "learning_rate": 0.03,
    "num_leaves": 5,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of an amount that is not negative, which nine in ten are above, or below.

    Quantile trees on its logarithm, moved until each side holds what it says of customers whom the
    trees have not seen.

    Source:
        Conformalised quantile regression, Romano, Patterson & Candes, NeurIPS 2019, one side at a
        time.
    """

    low: lgb.Booster
    high: lgb.Booster
    lower: float  # moves, in logarithms
    higher: float

    @classmethod
    def fit(
        cls, rows: Floats, amount: Floats, held_out: np.ndarray[Any, Any], *, seed: int
    ) -> Self:
        """Grow the trees on rows not held out, and learn the moves from the others."""
        log, seen = np.log1p(amount), ~held_out.astype(bool)
        low, high = (
            grow(rows[seen], log[seen], quantile(each), seed=seed, rounds=_BOUND_ROUNDS)
            for each in (TAIL, 1 - TAIL)
        )
        misses = (predicted(low, rows) - log)[~seen], (log - predicted(high, rows))[~seen]
        moves = (float(np.quantile(each, 1 - TAIL, method="higher")) for each in misses)
        return cls(low, high, *moves)

    def __call__(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return both bounds of each row."""
        low = np.maximum(predicted(self.low, rows) - self.lower, 0.0)
        return np.expm1(low), np.expm1(np.maximum(predicted(self.high, rows) + self.higher, low))


def grow(
    rows: Floats, label: Floats, objective: dict[str, Any], *, seed: int, rounds: int
) -> lgb.Booster:
    """Grow trees for an objective of LightGBM; the same input gives the same trees."""
    params = {**_GROWN, **objective, "seed": seed}
    return lgb.train(params, lgb.Dataset(rows, label=label), num_boost_round=rounds)


def quantile(share: float) -> dict[str, Any]:
    """Return the objective of the value that this share of rows is below."""
    return {"objective": "quantile", "alpha": share}


def predicted(booster: lgb.Booster, rows: Floats) -> Floats:
    """Return what the trees say of each row."""
    return np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64)


def held_out(customers: np.ndarray[Any, Any], *, seed: int) -> np.ndarray[Any, Any]:
    """Choose a third of the customers, with all their rows: bounds are moved by these."""
    number = np.unique(customers, return_inverse=True)[1]
    lots = np.random.default_rng(seed).permutation(number.max() + 1) % 3
    chosen: np.ndarray[Any, Any] = lots[number] == 0
    return chosen
