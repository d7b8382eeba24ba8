"""From a score to a probability: a sigmoid of two numbers, or steps, learnt from outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

Floats = NDArray[np.float64]
_CLIP: Final = 1e-9


def log_odds(probability: Floats) -> Floats:
    """Return ln(p / (1 - p)), finite for what is sure: the scale on which a sigmoid is learnt."""
    within = np.clip(probability, _CLIP, 1 - _CLIP)
    return np.asarray(np.log(within) - np.log1p(-within), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """Probability = 1 / (1 + exp(-(slope * score + intercept))).

    Monotone, so that it changes how sure a score is and never the order of two customers
    (for a positive slope). Two numbers cannot overfit a small slice as a step function can.

    Source:
        Platt, "Probabilistic outputs for support vector machines", 1999, with his smoothed
        targets, which keep the fit finite where a score separates the classes.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, score: Floats, label: NDArray[np.generic]) -> Self:
        """Learn both numbers by maximum likelihood."""
        truth = np.asarray(label, dtype=np.float64)
        centre, spread = float(np.mean(score)), float(np.std(score)) or 1.0
        scaled = (score - centre) / spread
        buyers = float(truth.sum())
        others = len(truth) - buyers
        target = np.where(truth == 1, (buyers + 1) / (buyers + 2), 1 / (others + 2))

        def loss(numbers: Floats) -> tuple[float, Floats]:
            margin = numbers[0] * scaled + numbers[1]
            error = expit(margin) - target
            value = np.mean(np.logaddexp(0.0, margin) - target * margin)
            return float(value), np.array([np.mean(error * scaled), np.mean(error)])

        found = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8}).x
        return cls(
            slope=float(found[0] / spread), intercept=float(found[1] - found[0] * centre / spread)
        )

    def __call__(self, score: Floats) -> Floats:
        """Return the probability of each score."""
        return np.asarray(expit(self.slope * score + self.intercept), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Steps:
    """Probability by isotonic regression: any rising curve, straight between its corners.

    It bends where a sigmoid cannot, and learns noise where outcomes are few: kept only where it
    wins on later data.

    Source:
        Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability
        estimates", KDD 2002.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, score: Floats, label: NDArray[np.generic]) -> Self:
        """Learn the corners, each as far from 0 and 1 as a share of so few outcomes can be."""
        fitted = IsotonicRegression(out_of_bounds="clip").fit(score, label)
        least = 1 / (len(score) + 2)
        shares = np.clip(fitted.y_thresholds_, least, 1 - least)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(shares.tolist()))

    def __call__(self, score: Floats) -> Floats:
        """Return the probability of each score."""
        return np.asarray(np.interp(score, self.scores, self.shares), dtype=np.float64)


Calibration = Sigmoid | Steps
