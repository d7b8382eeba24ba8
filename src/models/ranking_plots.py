"""Pictures of how good ranked lists are, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from models.gate import Interval, mean, paired_bootstrap
from models.ranking import Scope

_WIDE: Final = 70  # letters under a plot
# Told apart by readers who do not see red and green apart (Okabe & Ito, 2008).
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def quality_bars(
    means: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, tuple[float, float]]],
    *,
    label: str,
) -> Figure:
    """Draw one group of bars per scope and one bar per model, with 95 % intervals.

    Args:
        means: Model -> scope -> mean over customers; every model has the same scopes.
        intervals: The same keys: low, high.
        label: What is measured, e.g. ``NDCG@20``.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    scopes = list(next(iter(means.values())))
    width = 0.8 / len(means)
    for number, (name, values) in enumerate(means.items()):
        at = np.arange(len(scopes)) + (number - (len(means) - 1) / 2) * width
        height = np.array([values[scope] for scope in scopes])
        low, high = np.array([intervals[name][scope] for scope in scopes]).T
        turn, colour = divmod(number, len(_COLOURS))  # colours that come again are hatched
        axes.bar(
            at,
            height,
            width * 0.92,
            label=name,
            color=_COLOURS[colour],
            hatch="////" * turn,
            edgecolor="white",
            linewidth=0,
        )
        error = np.maximum([height - low, high - height], 0)
        axes.errorbar(at, height, error, fmt="none", ecolor="#22262b", elinewidth=1, capsize=2)
    axes.set_xticks(range(len(scopes)), [f"{scope} items" for scope in scopes])
    axes.set_ylabel(label)
    _title(axes, f"How good are the lists? {label}, 95 % intervals")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)  # never upon the bars
    return figure


def tuning_curve(
    scores: Sequence[float],
    baseline: Mapping[str, float],
    label: str,
    verdict: str = "",
) -> Figure:
    """Draw the score of each trial, the best so far, and a line for what they are beside."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    trials = np.arange(1, len(scores) + 1)
    axes.plot(trials, scores, "o", color=_COLOURS[4], label="trial")
    axes.step(trials, np.maximum.accumulate(scores), where="post", color=_COLOURS[0], label="best")
    for name, score in baseline.items():
        axes.axhline(score, color="#8a8f98", linestyle=(0, (4, 3)), label=name)
    axes.set_xlabel(fill(verdict, _WIDE) or "trial")
    axes.set_ylabel(f"{label}\ntuning window")
    _title(axes, "Did tuning find something better?")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def trees_curve(
    trees: Sequence[int],
    ndcg: Mapping[Scope, NDArray[np.float64]],
    *,
    label: str,
    seed: int,
) -> Figure:
    """Draw the mean by the number of trees, one panel per scope, each with its own axis.

    The band is the 95 % interval of the difference from all trees, paired over customers: where
    it still holds the last value, the trees that follow cannot be told from none.

    Args:
        trees: How many are used, rising; the last is all of them.
        ndcg: Scope -> shape (len(trees), customers).
        label: What is measured, e.g. ``NDCG@20``.
        seed: Of the bootstrap.
    """
    figure = Figure(figsize=(max(3.6 * len(ndcg), 5.5), 4), layout="constrained")
    panels = figure.subplots(1, max(len(ndcg), 1), squeeze=False)[0]
    for number, (axes, (scope, values)) in enumerate(zip(panels, ndcg.items(), strict=False)):
        gains = [paired_bootstrap(values[-1], each, metric=mean, seed=seed) for each in values]
        _by_trees(axes, trees, values.mean(axis=1), gains, colour=_COLOURS[number])
        quarter = len(trees) - 1 - len(trees) // 4  # where the last quarter begins
        axes.set_title(
            f"{scope} items, {values.shape[1]:,} customers\n"
            f"all over the first {trees[quarter]}:\n{gains[quarter]}",
            loc="left",
            fontsize=8.5,
        )
    panels[0].set_ylabel(f"{label}, test window")
    figure.suptitle(
        f"Would more trees help? {label} by the first trees alone",
        x=0.01,
        ha="left",
        fontsize=12,
        fontweight="bold",
        color="#22262b",
    )
    figure.supxlabel(
        "Band: 95 % interval of the difference from all trees, paired over customers", fontsize=8
    )
    return figure


def _by_trees(
    axes: Axes,
    trees: Sequence[int],
    means: NDArray[np.float64],
    gains: Sequence[Interval],
    *,
    colour: str,
) -> None:
    low = means[-1] - np.array([gain.high for gain in gains])
    high = means[-1] - np.array([gain.low for gain in gains])
    axes.fill_between(trees, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.axhline(means[-1], color="#8a8f98", linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(trees, means, "o-", color=colour, markersize=4)
    axes.set_xlabel("trees")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
    axes.spines[["top", "right"]].set_visible(False)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color="#22262b")
