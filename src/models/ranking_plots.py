"""Pictures of how good ranked lists are, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
        axes.bar(at, height, width * 0.92, label=name, color=_COLOURS[number % len(_COLOURS)])
        error = np.maximum([height - low, high - height], 0)
        axes.errorbar(at, height, error, fmt="none", ecolor="#22262b", elinewidth=1, capsize=2)
    axes.set_xticks(range(len(scopes)), [f"{scope} items" for scope in scopes])
    axes.set_ylabel(label)
    _title(axes, f"How good are the lists? {label}, 95 % intervals")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)  # never upon the bars
    return figure


def tuning_curve(scores: Sequence[float], baseline: float, *, label: str) -> Figure:
    """Draw the score of each trial, the best so far, and the baseline's line."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    trials = np.arange(1, len(scores) + 1)
    axes.plot(trials, scores, "o", color=_COLOURS[4], label="trial")
    axes.step(trials, np.maximum.accumulate(scores), where="post", color=_COLOURS[0], label="best")
    axes.axhline(baseline, color="#8a8f98", linestyle=(0, (4, 3)), label="popularity")
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{label}, tuning window")
    _title(axes, "Did tuning find something better?")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color="#22262b")
