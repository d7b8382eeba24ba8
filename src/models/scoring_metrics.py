"""How good predicted probabilities are: order, surprise, distance, calibration."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from core.errors import DataError, NotEnoughDataError
from models import gate

_CLIP: Final = 1e-15  # log loss of a sure mistake stays finite


def scoring_metrics(label: ArrayLike, probability: ArrayLike) -> dict[str, float]:
    """Return `auc`, `log_loss`, `brier` and `ece` of probabilities for 0/1 labels."""
    return {
        "auc": auc(label, probability),
        "log_loss": log_loss(label, probability),
        "brier": brier(label, probability),
        "ece": ece(label, probability),
    }


def scoring_intervals(
    label: ArrayLike,
    probability: ArrayLike,
    *,
    seed: int,
    units: NDArray[Any] | None = None,
) -> dict[str, tuple[float, float]]:
    """Return the 95 % bootstrap interval of each metric that has one.

    What is resampled are `units`, one id per row, such as the customer; None: every row.

    The expected calibration error has none: it is above 0 by chance alone, more so in resamples.
    """
    truth, given = _pair(label, probability)
    drawn = partial(gate.bootstrap, seed=seed, units=units)
    mean = partial(drawn, metric=gate.mean)
    return {
        "auc": drawn(np.column_stack([truth, given]), metric=gate.auc),
        "log_loss": mean(_surprises(truth, given)),
        "brier": mean((given - truth) ** 2),
    }


def auc(label: ArrayLike, score: ArrayLike) -> float:
    """Return the share of (buyer, non-buyer) pairs in which the buyer scores higher.

    Ties count half (the Mann-Whitney statistic). 0.5 is chance, 1 is perfect.

    Raises:
        NotEnoughDataError: All labels are the same.
    """
    truth, scores = _pair(label, score)
    buyers = int(truth.sum())
    others = len(truth) - buyers
    if not buyers or not others:
        raise NotEnoughDataError("AUC needs both buyers and non-buyers; all labels are the same.")
    ranks = rankdata(scores)
    return float((ranks[truth == 1].sum() - buyers * (buyers + 1) / 2) / (buyers * others))


def log_loss(label: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean of -ln(probability given to what happened), in nats. Lower is better."""
    truth, given = _pair(label, probability)
    return float(np.mean(_surprises(truth, given)))


def brier(label: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared distance between probability and outcome. Lower is better."""
    truth, given = _pair(label, probability)
    return float(np.mean((given - truth) ** 2))


def ece(label: ArrayLike, probability: ArrayLike, *, bins: int = 10) -> float:
    """Return the expected calibration error: |mean probability - share of buyers|, over bins.

    Bins hold equal numbers of customers (equal widths would leave most of them in one bin);
    equal probabilities stay in one bin. Each bin weighs as many customers as it has.
    """
    mean, share, size = calibration_bins(label, probability, bins=bins)
    return float(np.sum(np.abs(mean - share) * size) / np.sum(size))


def calibration_bins(
    label: ArrayLike, probability: ArrayLike, *, bins: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean probability, share of buyers and size of each bin that is not empty."""
    truth, given = _pair(label, probability)
    edges = np.quantile(given, np.arange(1, bins) / bins)
    bin_of = np.searchsorted(edges, given, side="right")
    size = np.bincount(bin_of, minlength=bins).astype(np.float64)
    kept = size > 0
    mean = np.bincount(bin_of, weights=given, minlength=bins)[kept] / size[kept]
    share = np.bincount(bin_of, weights=truth, minlength=bins)[kept] / size[kept]
    return mean, share, size[kept]


def _surprises(truth: NDArray[np.float64], given: NDArray[np.float64]) -> NDArray[np.float64]:
    sure = np.clip(given, _CLIP, 1 - _CLIP)
    return -np.where(truth == 1, np.log(sure), np.log1p(-sure))


def _pair(label: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth = np.asarray(label, dtype=np.float64)
    scores = np.asarray(score, dtype=np.float64)
    if truth.shape != scores.shape or truth.ndim != 1 or not len(truth):
        raise DataError(
            f"labels and scores must be as many, at least one; got {truth.shape}, {scores.shape}."
        )
    if not np.isin(truth, (0, 1)).all() or not np.isfinite(scores).all():
        raise DataError("labels must be 0 or 1, and scores finite numbers.")
    return truth, scores
