"""Pictures of how good a model is, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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


def calibration_curve(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> Figure:
    """Draw the share of buyers against the predicted probability, ten bins per model.

    Args:
        label: 0 or 1 per customer.
        scores: Probabilities by model name; the first is drawn strongest.
    """
    figure = _figure(6.0, 5.6)
    curve, histogram = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    for number, (name, probability) in enumerate(scores.items()):
        mean, share, _ = calibration_bins(label, probability)
        curve.plot(
            mean,
            share,
            marker="o",
            markersize=5 if number == 0 else 3.5,
            linewidth=2.2 if number == 0 else 1.2,
            color=_COLOURS[number % len(_COLOURS)],
            label=f"{name} (ECE {ece(label, probability):.3f})",
            zorder=3 if number == 0 else 2,
        )
    first = np.asarray(next(iter(scores.values())), dtype=np.float64)
    histogram.hist(first, bins=np.linspace(0, 1, 41).tolist(), color=_COLOURS[0], alpha=0.75)
    _dress(curve, "Are the probabilities right?", "", "share who ordered")
    _dress(histogram, "", "predicted probability of an order", "customers")
    curve.set(xlim=(0, 1), ylim=(0, 1))
    curve.yaxis.set_major_formatter(PercentFormatter(1))
    histogram.xaxis.set_major_formatter(PercentFormatter(1))
    curve.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def ranking_curves(label: ArrayLike, scores: Mapping[str, ArrayLike]) -> Figure:
    """Draw the ROC curve and the gain of mailing the customers least likely to order last.

    The right panel shows how many of all non-buyers lie among the lowest-scored customers:
    the ones who need winning back, where a shop's base rate is high.
    """
    truth = np.asarray(label, dtype=np.float64)
    figure = _figure(10.0, 4.8)
    roc, gain = figure.subplots(1, 2)
    for axes in (roc, gain):
        axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    for number, (name, score) in enumerate(scores.items()):
        style = {
            "color": _COLOURS[number % len(_COLOURS)],
            "linewidth": 2.2 if number == 0 else 1.2,
            "label": f"{name} (AUC {auc(label, score):.3f})",
            "zorder": 3 if number == 0 else 2,
        }
        values = np.asarray(score, dtype=np.float64)
        buyers, others, reached = _steps(truth, values)
        roc.plot(others, buyers, **style)
        gain.plot(1 - reached, 1 - others, **style)
    _dress(roc, "Who orders ranks above who does not", "non-buyers reached", "buyers reached")
    _dress(
        gain,
        "Finding those who will stay away",
        "customers, lowest scores first",
        "non-buyers found",
    )
    for axes in (roc, gain):
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    roc.legend(frameon=False, loc="lower right", fontsize=9)
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
    truth: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of buyers, non-buyers and customers reached, highest scores first."""
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.diff(score[order]) != 0, True)  # ties are reached together
    buyers = np.cumsum(truth[order])[last_of_tie]
    reached = np.arange(1, len(truth) + 1, dtype=np.float64)[last_of_tie]
    others = reached - buyers
    return (
        np.insert(buyers / buyers[-1], 0, 0.0),
        np.insert(others / others[-1], 0, 0.0),
        np.insert(reached / reached[-1], 0, 0.0),
    )


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
