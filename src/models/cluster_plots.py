"""Pictures of clusters, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from textwrap import fill
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from features.affinity import SHARE_PREFIX
from models.cluster_trials import STABLE, Trial
from models.clusters import Clusters
from models.gate import MIN_SHARE

# As in models.plots: told apart by readers who do not see red and green apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_GREY: Final = "#8a8f98"
INK: Final = "#22262b"
_LINE: Final = 30
_ALGORITHMS: Final = {"k-means": (_BLUE, "o"), "ward": ("#009E73", "s"), "hdbscan": (_ORANGE, "D")}
_AROUND_MIDDLE: Final = LinearSegmentedColormap.from_list(
    "below-above", ["#c46a1b", "#f6e3cf", "#ffffff", "#cfe3f1", "#0b6aa8"]
)


def profile_heat_map(model: Clusters) -> Figure:
    """Draw the median of each feature per cluster, coloured by where it stands in the shop.

    Blue is above the shop's middle, orange below; the figure in a cell is the median itself.
    The last row is the whole shop.
    """
    names = list(model.features)
    titles = [*(wrapped(cluster.name) for cluster in model.clusters), "The whole shop"]
    profiles = [*(cluster.profile for cluster in model.clusters), model.shop]
    medians = np.array([[profile[name] for name in names] for profile in profiles])
    ranks = model.scale.ranks(medians)
    figure = Figure(figsize=(3.4 + 0.86 * len(names), 1.6 + 0.66 * len(medians)), dpi=110)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    image = axes.imshow(ranks, cmap=_AROUND_MIDDLE, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*medians.shape):
        axes.text(
            column,
            row,
            _figure_text(names[column], float(medians[row, column])),
            ha="center",
            va="center",
            fontsize=9.5,
            color="white" if abs(ranks[row, column] - 0.5) > 0.33 else INK,
        )
    axes.set_xticks(range(len(names)), [feature_label(name) for name in names], fontsize=9)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(titles)), titles, fontsize=9.5)
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(titles) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2.5)
    axes.axhline(len(medians) - 1.5, color=INK, linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, ticks=[0.02, 0.5, 0.98])
    bar.ax.set_yticklabels(["lowest", "middle\nof the shop", "highest"], fontsize=8.5)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    figure.suptitle(
        "What sets the clusters apart: medians", x=0.01, ha="left", fontweight="bold", color=INK
    )
    return figure


def cluster_sizes(model: Clusters) -> Figure:
    """Draw which share of the customers each cluster holds."""
    figure = Figure(figsize=(7.5, 1.1 + 0.55 * len(model.clusters)), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    shares = [cluster.share for cluster in model.clusters]
    bars = axes.barh(range(len(shares)), shares, color=_BLUE, height=0.62)
    axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4, color=INK, fontsize=10)
    axes.set_yticks(range(len(shares)), [wrapped(cluster.name) for cluster in model.clusters])
    axes.invert_yaxis()
    axes.axvline(MIN_SHARE, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(0, max(shares) * 1.15)
    dress(
        axes, "How many customers", f"share of customers (dashed: {MIN_SHARE:.0%}, the least)", ""
    )
    return figure


def stability_by_k(trials: Sequence[Trial], chosen: Trial) -> Figure:
    """Draw how well resampled data find each contender again, and what it says of the future.

    The second panel is empty where no later time is known.
    """
    figure = Figure(figsize=(11.0, 4.6), dpi=120)
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2)
    left.axhline(STABLE, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    left.annotate(
        f"stable from {STABLE:.2f}", (1, STABLE), (0, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", fontsize=8.5, color=_GREY,
    )  # fmt: skip
    for name, (colour, marker) in _ALGORITHMS.items():
        own = [trial for trial in trials if trial.algorithm == name]
        ks, means = [trial.k for trial in own], [trial.stability for trial in own]
        left.vlines(ks, [trial.worst for trial in own], means, color=colour, alpha=0.3, linewidth=4)
        style = {"color": colour, "marker": marker, "linewidth": 2}
        left.plot(ks, means, **style, label=name if own else f"{name} (found none)")
        right.plot(ks, [trial.tells for trial in own], **style)
    _mark(left, chosen, chosen.stability, 13)
    left.set_ylim(0, 1.1)
    if not isnan(chosen.tells):
        _mark(right, chosen, chosen.tells, -24)
        right.set_ylim(0, 1.25 * max(trial.tells for trial in trials))
    for axes in (left, right):
        axes.set_xlim(min(t.k for t in trials) - 0.3, max(t.k for t in trials) + 0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    found = "mean ARI of refits (pale: to the least)"
    dress(left, "Which clusters would be found again?", "number of clusters", found)
    told = "eta squared, mean of ordered and spent"
    dress(right, "What do they say about the future?", "number of clusters", told)
    # Below the axes: inside there is no place that no line may cross.
    figure.legend(frameon=False, loc="outside lower center", ncols=3, fontsize=9)
    return figure


def _mark(axes: Axes, chosen: Trial, height: float, apart: int) -> None:
    axes.plot(chosen.k, height, "o", markersize=15, mfc="none", mec=INK, mew=1.6)
    axes.annotate(
        f"chosen: {chosen.name}",
        (chosen.k, height),
        textcoords="offset points",
        xytext=(0, apart),
        ha="center",
        color=INK,
        fontweight="bold",
    )


def wrapped(name: str) -> str:
    """Break a long name at its last comma, not inside a trait."""
    head, comma, tail = name.rpartition(", ")
    return f"{head}{comma.strip()}\n{tail}" if comma and len(name) > _LINE else name


def feature_label(name: str) -> str:
    """Return a feature's name for people, in short lines."""
    if name.startswith(SHARE_PREFIX):
        return fill(f"share of {name.removeprefix(SHARE_PREFIX).lower()}", 9)
    words = name.removesuffix("_minor").replace("_minor", "").replace("_", " ")
    return fill(words, 9)


def _figure_text(name: str, value: float) -> str:
    if "share_" in name:
        return f"{value:.0%}"
    if "_minor" in name:
        return f"{value / 100:,.2f}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"


def dress(axes: Axes, title: str, x: str, y: str) -> None:
    """Give axes the look of all our plots."""
    axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
