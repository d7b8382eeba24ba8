"""The promotion gate: a model is promoted only if it beats its baseline and the champion.

Differences are judged by a paired bootstrap: the same resamples of units (customers) for
both sides, so that what makes a customer easy or hard cancels out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError, NotEnoughDataError

DRAWS: Final = 1_000
LEVEL: Final = 0.95
MIN_STABILITY: Final = 0.75  # of clusters: below, refits disagree on who belongs together
MIN_SHARE: Final = 0.05  # of customers: a smaller cluster is not worth a text of its own
_RENEWED: Final = "the same recipe, learnt from newer data"
_BLOCK: Final = 100  # draws held in memory at once

Floats = NDArray[np.float64]
# Takes the values of one side, shape (n, ...), and how often each row was drawn, shape
# (draws, n); gives the metric of every draw, shape (draws,), nan where it has none.
# Higher is better.
Metric = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A gain in a metric with its 95 % bootstrap interval; above 0 is better."""

    gain: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.gain:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


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
    means: Floats = (weights @ values) / weights.sum(axis=1)
    return means


def auc(values: Floats, weights: Floats) -> Floats:
    """Give the area under the ROC curve of `values`, shape (n, 2): label 0 or 1, score.

    Ties count half. A draw without both labels gives nan.

    Source:
        The Mann-Whitney form of the area, with the draws' counts as weights.
    """
    order = np.argsort(values[:, 1], kind="stable")
    label, score = values[order, 0], values[order, 1]
    starts = np.flatnonzero(np.diff(score, prepend=-np.inf))  # one group per distinct score
    drawn = weights[:, order]
    positives = np.add.reduceat(drawn * label, starts, axis=1)
    negatives = np.add.reduceat(drawn * (1.0 - label), starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    with np.errstate(invalid="ignore"):  # 0/0: the draw has one label only
        area: Floats = (positives * below).sum(axis=1) / (
            positives.sum(axis=1) * negatives.sum(axis=1)
        )
    return area


def paired_bootstrap(
    candidate: Floats,
    baseline: Floats,
    *,
    metric: Metric,
    seed: int,
    draws: int = DRAWS,
    units: NDArray[Any] | None = None,
) -> Interval:
    """Give the gain of `candidate` over `baseline` in `metric`, with its 95 % interval.

    Args:
        candidate: Values of one side, shape (n, ...), one row per row of the slice.
        baseline: Values of the other side, for the same rows in the same order.
        metric: `mean`, `auc`, or any function of (values, weights).
        seed: Repeats the resamples.
        draws: Number of resamples.
        units: What is resampled, one id per row, e.g. the customer where a customer has
            several rows, which are not independent. Default: every row is a unit.

    Raises:
        DataError: The sides differ in length.
        NotEnoughDataError: The slice is empty, or has no metric (one label only).

    Source:
        Percentile bootstrap, Efron & Tibshirani, "An Introduction to the Bootstrap", 1993.
    """
    n = len(candidate)
    if len(baseline) != n:
        raise DataError(f"a paired comparison needs the same rows: {n} against {len(baseline)}.")
    if n == 0:
        raise NotEnoughDataError("no rows to compare models on. Choose an earlier --as-of.")
    once = np.ones((1, n))
    gain = float((metric(candidate, once) - metric(baseline, once))[0])
    if np.isnan(gain):
        raise NotEnoughDataError(
            f"the {n} rows to compare models on all have the same label. Choose another --as-of."
        )
    gains = [
        metric(candidate, weights) - metric(baseline, weights)
        for weights in _resamples(n, seed=seed, draws=draws, units=units)
    ]
    return Interval(gain, *_middle(gains))


def bootstrap(
    values: Floats,
    *,
    metric: Metric,
    seed: int,
    draws: int = DRAWS,
    units: NDArray[Any] | None = None,
) -> tuple[float, float]:
    """Give the 95 % interval of the metric itself, of one side; arguments as `paired_bootstrap`."""
    resamples = _resamples(len(values), seed=seed, draws=draws, units=units)
    return _middle([metric(values, weights) for weights in resamples])


def _resamples(
    n: int, *, seed: int, draws: int, units: NDArray[Any] | None
) -> Iterator[NDArray[np.float64]]:
    """Give how often each row is drawn, block by block, shape (draws of the block, n)."""
    unit_of_row = np.arange(n) if units is None else np.unique(units, return_inverse=True)[1]
    n_units = int(unit_of_row.max()) + 1
    random = np.random.default_rng(seed)
    for start in range(0, draws, _BLOCK):
        size = min(_BLOCK, draws - start)
        picks = random.integers(n_units, size=(size, n_units)) + n_units * np.arange(size)[:, None]
        counts = np.bincount(picks.ravel(), minlength=size * n_units).reshape(size, n_units)
        yield counts[:, unit_of_row].astype(np.float64)


def _middle(drawn: list[Floats]) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(np.concatenate(drawn), [tail, 1 - tail])
    return float(low), float(high)


def decide(
    *,
    candidate: Floats,
    baseline: Floats,
    champion: Floats | None,
    metric: Metric,
    margin: float,
    seed: int,
    draws: int = DRAWS,
    units: NDArray[Any] | None = None,
    rule: str = "the baseline",
    renews: Literal["candidate", "baseline"] | None = None,
    stays: bool = False,
) -> Verdict:
    """Apply the promotion gate.

    The candidate wins over its baseline when the gain's lower bound is above 0; otherwise
    the baseline is what gets registered. The winner becomes champion when there is none,
    or when its gain over the champion is positive with a lower bound above minus `margin`.

    Args:
        candidate: Values of the candidate on the slice, as `metric` takes them.
        baseline: Values of the simple rule that the candidate has to beat.
        champion: Values of the current champion on the same slice; None when there is none.
        metric: `mean`, `auc`, or any function of (values, weights).
        margin: How far below 0 the lower bound against the champion may be, in the metric.
        seed: Repeats the resamples.
        draws: Number of resamples.
        units: As in `paired_bootstrap`.
        rule: What the baseline is called, for the verdict in words.
        renews: The side that is the champion's own recipe, learnt from newer data. The slice
            cannot tell them apart, so when that side wins it replaces the champion: one that
            only ever ties with itself would grow old for ever.
        stays: There is a champion, but it has seen the slice: nothing to compare, it stays.
    """
    compare = partial(paired_bootstrap, metric=metric, seed=seed, draws=draws, units=units)
    over_baseline = compare(candidate, baseline)
    wins = over_baseline.low > 0
    why = (
        f"beats {rule} by {over_baseline}"
        if wins
        else f"does not beat {rule} for sure ({over_baseline}), so {rule} is registered"
    )
    over_champion = None
    promote = not stays
    if champion is None:
        why += "; the champion has seen the slice and stays" if stays else "; first champion"
    else:
        over_champion = compare(candidate if wins else baseline, champion)
        renewed = renews == ("candidate" if wins else "baseline")
        promote = renewed or (over_champion.gain > 0 and over_champion.low > -margin)
        verb = "replaces" if promote else "does not replace"
        because = _RENEWED if renewed else f"{over_champion}, margin {margin:g}"
        why += f"; {verb} the champion ({because})"
    return Verdict(
        promote=promote,
        winner="candidate" if wins else "baseline",
        why=why,
        over_baseline=over_baseline,
        over_champion=over_champion,
    )


def decide_clusters(*, stability: float, smallest: float) -> Verdict:
    """Apply the gate of clusters: found again on resamples, and none too small.

    Args:
        stability: Mean adjusted Rand index of refits on resampled customers.
        smallest: Share of customers in the smallest cluster.
    """
    stable = f"stability {stability:.3f} (at least {MIN_STABILITY:.2f})"
    roomy = f"smallest share {smallest:.1%} (at least {MIN_SHARE:.0%})"
    if stability >= MIN_STABILITY and smallest >= MIN_SHARE:
        return Verdict(promote=True, winner="candidate", why=f"passes: {stable}, {roomy}")
    return Verdict(promote=False, winner="candidate", why=f"does not pass: {stable}, {roomy}")
