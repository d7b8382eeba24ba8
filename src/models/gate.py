"""The promotion gate: a model is promoted only if it beats its baseline and the champion.

Differences are judged by a paired bootstrap: the same resamples of units (customers) for
both sides, so that what makes a customer easy or hard cancels out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError, NotEnoughDataError

DRAWS: Final = 1_000
LEVEL: Final = 0.95

Floats = NDArray[np.float64]
# Takes the values of one side, shape (n, ...), and how often each row was drawn, shape
# (draws, n); gives the metric of every draw, shape (draws,). Higher is better.
Metric = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A gain in a metric with its 95 % bootstrap interval; higher is better."""

    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate decided. `winner` is what gets registered; `promote` moves the champion."""

    promote: bool
    winner: Literal["candidate", "baseline"]
    why: str
    over_baseline: Interval | None = None
    over_champion: Interval | None = None


def mean(values: Floats, weights: Floats) -> Floats:
    """Give the mean of a per-row figure, e.g. recall per customer or minus log loss."""
    raise NotImplementedError


def auc(values: Floats, weights: Floats) -> Floats:
    """Give the area under the ROC curve of `values`, shape (n, 2): label, score."""
    raise NotImplementedError


def paired_bootstrap(
    candidate: Floats,
    baseline: Floats,
    *,
    metric: Metric,
    seed: int,
    draws: int = DRAWS,
    units: NDArray[np.generic] | None = None,
) -> Interval:
    """Give the gain of `candidate` over `baseline` in `metric`, with its interval.

    Args:
        candidate: Values of one side, shape (n, ...), one row per row of the slice.
        baseline: Values of the other side, for the same rows in the same order.
        metric: `mean`, `auc`, or any function of (values, weights).
        seed: Repeats the resamples.
        draws: Number of resamples.
        units: What is resampled, one id per row, e.g. the customer where a customer has
            several rows. Default: every row is a unit.
    """
    raise NotImplementedError


def decide(
    *,
    candidate: Floats,
    baseline: Floats,
    champion: Floats | None,
    metric: Metric,
    margin: float,
    seed: int,
    draws: int = DRAWS,
    units: NDArray[np.generic] | None = None,
) -> Verdict:
    """Apply the promotion gate: candidate or baseline, and against the champion."""
    raise NotImplementedError
