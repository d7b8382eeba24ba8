"""Pictures of how good a model is, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from models.scoring_metrics import auc, calibration_bins, ece

# Told apart by readers who do not see red and green apart (Okabe & Ito, 2008).
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_GREY: Final = "#8a8f98"
_INK: Final = "#22262b"
_FEWEST: Final = 0.01  # share of customers from which a lift is drawn


def calibration_curve(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> Figure:
    """Draw the share of buyers against the predicted probability, ten bins per model.

    Args:
        label: 0 or 1 per customer.
        scores: Probabilities by model name; the first is drawn strongest.
    """
    figure = _figure(6.0, 5.6)
    curve, histogram = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    _dashed(curve, [0, 1], [0, 1])
    for number, (name, probability) in enumerate(scores.items()):
        mean, share, _ = calibration_bins(label, probability)
        curve.plot(
            mean,
            share,
            marker="o",
            markersize=5 if number == 0 else 3.5,
            label=f"{name} (ECE {ece(label, probability):.3f})",
            **_style(number),
        )
    first = np.asarray(next(iter(scores.values())), dtype=np.float64)
    histogram.hist(first, bins=np.linspace(0, 1, 41).tolist(), color=_COLOURS[0], alpha=0.75)
    _dress(curve, "Are the probabilities right?", "", "share that came true")
    _dress(histogram, "", "predicted probability", "how many")
    curve.set(xlim=(0, 1), ylim=(0, 1))
    curve.yaxis.set_major_formatter(PercentFormatter(1))
    histogram.xaxis.set_major_formatter(PercentFormatter(1))
    curve.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def ranking_curves(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> Figure:
    """Draw the ROC curve and the precision-recall curve; dashed is a random order.

    Args:
        label: 0 or 1 per customer, both there.
        scores: By model name; the first is drawn strongest.
    """
    truth = np.asarray(label, dtype=np.float64)
    figure = _figure(10.0, 4.8)
    roc, precision = figure.subplots(1, 2)
    _dashed(roc, [0, 1], [0, 1])
    _dashed(precision, [0, 1], [truth.mean()] * 2)
    for number, (name, score) in enumerate(scores.items()):
        style = _style(number)
        buyers, others, reached = _steps(truth, score)
        roc.plot(others, buyers, label=f"{name} (AUC {auc(truth, score):.3f})", **style)
        among = buyers[1:] * truth.sum() / (reached[1:] * len(truth))
        average = float(np.sum(np.diff(buyers) * among))  # of the steps: a line would flatter
        steps = np.insert(among, 0, among[0])
        legend = f"{name} (average {average:.3f})"
        precision.step(buyers, steps, where="pre", label=legend, **style)
    _dress(roc, "Who will ranks above who will not", "others reached", "reached of those who will")
    _dress(
        precision, "How many of those reached will", "reached of those who will", "share who will"
    )
    for axes in (roc, precision):
        _in_percent(axes)
        axes.set(xlim=(0, 1), ylim=(0, 1))
    roc.legend(frameon=False, loc="lower right", fontsize=9)
    precision.legend(frameon=False, loc=_emptier(truth), fontsize=9)
    return figure


def gain_curves(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> Figure:
    """Draw what writing to the best-scored customers first finds; dashed is a random order.

    Left: the share of all buyers among them (gains). Middle: how many times as many as in a random
    sample of that size (lift). Right: the share of all who will not order among those scored
    lowest, the ones to win back, where a shop's base rate is high.

    Args:
        label: 0 or 1 per customer, both there.
        scores: By model name; the first is drawn strongest.
    """
    truth = np.asarray(label, dtype=np.float64)
    figure = _figure(14.0, 4.8)
    gain, lift, away = figure.subplots(1, 3)
    _dashed(gain, [0, 1], [0, 1])
    _dashed(lift, [0, 1], [1, 1])
    _dashed(away, [0, 1], [0, 1])
    for number, (name, score) in enumerate(scores.items()):
        style = _style(number)
        buyers, others, reached = _steps(truth, score)
        gain.plot(reached, buyers, label=name, **style)
        told = reached >= _FEWEST  # of fewer customers a lift is chance
        lift.plot(reached[told], buyers[told] / reached[told], **style)
        away.plot(1 - reached, 1 - others, **style)
    _dress(gain, "Finding those who will", "all, highest scores first", "found")
    _dress(lift, "Times as many as at random", "all, highest scores first", "lift")
    _dress(away, "Finding those who will not", "all, lowest scores first", "found")
    for axes in (gain, away):
        _in_percent(axes)
        axes.set(xlim=(0, 1), ylim=(0, 1))
    lift.xaxis.set_major_formatter(PercentFormatter(1))
    lift.set(xlim=(0, 1), ylim=(0, None))
    gain.legend(frameon=False, loc="lower right", fontsize=9)
    return figure


def importance_bars(importance: Mapping[str, float], *, most: int = 15) -> Figure:
    """Draw the features that the trees lean on, as shares of the total gain."""
    top = sorted(importance.items(), key=lambda pair: -pair[1])[:most][::-1]
    figure = _figure(6.4, 0.6 + 0.32 * max(len(top), 4))
    axes = figure.subplots()
    bars = axes.barh([name for name, _ in top], [share for _, share in top], color=_COLOURS[0])
    axes.bar_label(bars, labels=[f"{share:.1%}" for _, share in top], padding=3, fontsize=8)
    _dress(axes, "What the model looks at", "share of the gain of all splits", "")
    # As many decimals as the steps need: 2.5 % is not 2 %, and the next not 5 %.
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")
    return figure


def _steps(
    truth: NDArray[np.float64], score: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of buyers, non-buyers and customers reached, highest scores first."""
    values = np.asarray(score, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.diff(values[order]) != 0, True)  # ties are reached together
    buyers = np.cumsum(truth[order])[last_of_tie]
    reached = np.arange(1, len(truth) + 1, dtype=np.float64)[last_of_tie]
    others = reached - buyers
    return (
        np.insert(buyers / buyers[-1], 0, 0.0),
        np.insert(others / others[-1], 0, 0.0),
        np.insert(reached / reached[-1], 0, 0.0),
    )


def _style(number: int) -> dict[str, Any]:
    """Return how the line of a model looks: the first is the one that it is about."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linewidth": 2.2 if number == 0 else 1.2,
        "zorder": 3 if number == 0 else 2,
    }


def _dashed(axes: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    axes.plot(x, y, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def _emptier(truth: NDArray[np.float64]) -> str:
    """Where precision leaves room: it ends at the share of buyers."""
    return "upper right" if truth.mean() < 0.5 else "lower left"


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")


def _dress(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=_INK)
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(visible=True, color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
