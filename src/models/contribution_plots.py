"""A picture of what moves a model's scores, and which way, over many customers."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata

from models.calibration import Floats

_GREY: Final = "#8a8f98"
_INK: Final = "#22262b"
_LOW_TO_HIGH: Final = LinearSegmentedColormap.from_list(
    "low-high", ["#0072B2", "#c9ccd1", "#D55E00"]
)  # told apart by readers who do not see red and green apart
_BINS: Final = 80  # along a row: dots of one bin stand above and below each other
_HEIGHT: Final = 0.38  # of a row's swarm, each way


def contribution_swarm(
    features: tuple[str, ...],
    moved: Floats,
    values: Floats,
    *,
    unit: str = "log odds",
    most: int = 12,
) -> Figure:
    """Draw a dot per customer and feature: how far it moves the score, and how high its value is.

    Features are in order of how far they move scores on average. No dot says whose it is.

    Args:
        features: Names, the columns of the other two.
        moved: Contributions in log odds, shape (n, n_features), of `PropensityModel.contributions`.
        values: Of the features, the same shape.
        unit: Of `moved`.
        most: At most so many features are drawn.
    """
    strength = np.abs(moved).mean(axis=0)
    top = np.argsort(-strength, kind="stable")[:most]
    figure = Figure(
        figsize=(8.0, 1.4 + 0.44 * len(top)), dpi=120, layout="constrained", facecolor="white"
    )
    axes = figure.subplots()
    for row, at in enumerate(top[::-1]):
        x = moved[:, at]
        order = np.argsort(rankdata(values[:, at]), kind="stable")  # the highest are drawn last
        dots = axes.scatter(
            x[order],
            (row + _swarm(x))[order],
            c=_height(values[:, at])[order],
            cmap=_LOW_TO_HIGH,
            vmin=0,
            vmax=1,
            s=5,
            linewidths=0,
        )
    axes.set_yticks(range(len(top)), [f"{features[at]}  {strength[at]:.2f}" for at in top[::-1]])
    axes.set_ylim(-0.6, len(top) - 0.4)
    _dress(axes, unit)
    bar = figure.colorbar(dots, ax=axes, aspect=40, pad=0.02)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("value, among these customers", color=_INK, labelpad=-12)
    bar.outline.set_visible(False)
    return figure


def _dress(axes: Axes, unit: str) -> None:
    title = "What moves the scores, and which way"
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=_INK)
    axes.set_xlabel(
        f"lowers the score  \N{LEFTWARDS ARROW}  {unit}  \N{RIGHTWARDS ARROW}  raises it",
        color=_INK,
    )
    axes.set_ylabel("feature and mean distance moved", color=_INK)
    axes.axvline(0, color=_GREY, linewidth=1, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_GREY)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    axes.grid(visible=True, axis="y", color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)


def _height(values: Floats) -> Floats:
    """Return where values stand among the others, 0 to 1; all alike: in the middle."""
    if values.min() == values.max():
        return np.full(len(values), 0.5)
    ranks = rankdata(values)
    height: Floats = (ranks - ranks.min()) / (ranks.max() - ranks.min())
    return height


def _swarm(x: Floats) -> Floats:
    """Spread dots of one bin evenly around the row, wide where there are many."""
    edges = np.linspace(x.min(), x.max() or 1.0, _BINS + 1)
    bins: NDArray[np.int64] = np.clip(np.searchsorted(edges, x, side="right"), 1, _BINS)
    count = np.bincount(bins, minlength=_BINS + 1)
    order = np.argsort(bins, kind="stable")
    place = np.empty(len(x))
    place[order] = np.arange(len(x)) - np.repeat(np.cumsum(count) - count, count)
    middle = (count[bins] - 1) / 2
    return _HEIGHT * (place - middle) / max(float(middle.max()), 1.0)
