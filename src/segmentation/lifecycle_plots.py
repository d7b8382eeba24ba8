"""The picture of lifecycle stages: how many are in each, and where people went."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from segmentation.lifecycle import AT_RISK, LAPSED, STAGES
from segmentation.transitions import NOBODY

# As in models.plots: told apart by readers who do not see red and green apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_GREY: Final = "#8a8f98"
_INK: Final = "#22262b"
_SHADES: Final = LinearSegmentedColormap.from_list("moved", ["#ffffff", "#cfe3f1", "#0b6aa8"])


def stage_flow(counts: pd.DataFrame) -> Figure:
    """Draw how many customers each stage has now, and of each earlier stage where they are now.

    Args:
        counts: What `segmentation.transitions.flow` returns.
    """
    figure = Figure(figsize=(11.5, 4.8), dpi=110)
    figure.set_layout_engine("constrained")
    sizes, moves = figure.subplots(1, 2, width_ratios=(2, 3))
    _draw_sizes(sizes, counts.loc[:, list(STAGES)].sum(axis=0).to_numpy())
    _draw_moves(moves, counts)
    return figure


def _draw_sizes(axes: Axes, now: NDArray[np.int64]) -> None:
    total = max(int(now.sum()), 1)
    colours = [_ORANGE if stage in (AT_RISK, LAPSED) else _BLUE for stage in STAGES]
    bars = axes.barh([_title(stage) for stage in STAGES], now, color=colours)
    axes.bar_label(bars, [f"{size:,} ({size / total:.0%})" for size in now], padding=4, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.set_title("Customers now", loc="left", fontweight="bold", color=_INK)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])


def _draw_moves(axes: Axes, counts: pd.DataFrame) -> None:
    """Shade each cell by the share of its row, and write the number into it."""
    rows = [stage for stage in counts.index if counts.loc[stage].sum() or stage != NOBODY]
    table = counts.loc[rows, list(STAGES)].to_numpy()
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap=_SHADES, vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(table > 0):
        text = f"{table[row, column]:,}"
        colour = "white" if share[row, column] > 0.6 else _INK
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(STAGES)), [_title(stage) for stage in STAGES], fontsize=9)
    axes.set_yticks(range(len(rows)), [_title(stage) for stage in rows], fontsize=9)
    axes.xaxis.tick_top()
    axes.set_xlabel("now", color=_GREY)
    axes.set_ylabel("before", color=_GREY)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Where they went", loc="left", fontweight="bold", color=_INK)


def _title(stage: str) -> str:
    return stage.replace("_", " ") if stage != NOBODY else "not there"
