"""Pictures of what lists show and whose it is, as Matplotlib figures that need no screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from models.places import Places

_INK: Final = "#22262b"
_GREY: Final = "#8a8f98"
# Told apart by readers who do not see red and green apart (Okabe & Ito, 2008); the first is ink.
_COLOURS: Final = (
    _INK,
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#B8A500",
)
_BLUES: Final = LinearSegmentedColormap.from_list("shared", ["#ffffff", "#cfe3f1", "#0b6aa8"])
_DARK: Final = 0.7  # from which on a cell is written in white


def overlap_heat_maps(
    overlaps: Mapping[str, tuple[Sequence[str], NDArray[np.float64]]], *, n: int
) -> Figure:
    """Draw which part of their lists models share, one panel each.

    Args:
        overlaps: Title -> names of the models, and `overlap` of their lists.
        n: Length of the lists, for the title.
    """
    widths = [len(names) for names, _ in overlaps.values()]
    size = (1 + 1.1 * len(widths) + 0.56 * sum(widths), 1.7 + 0.56 * max(widths))
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    panels = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    for axes, (title, (names, shares)) in zip(panels, overlaps.items(), strict=True):
        others = np.where(np.eye(len(names), dtype=np.bool_), np.nan, shares)
        axes.imshow(np.ma.masked_invalid(others), cmap=_BLUES, vmin=0, vmax=1)
        axes.set_facecolor("#e6e8eb")
        axes.set_anchor("N")  # a smaller panel stands beside the larger, not at its middle
        for row, column in np.argwhere(~np.isnan(others)):
            ink = "white" if others[row, column] > _DARK else _INK
            text = f"{others[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8.5)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=9)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.tick_params(length=0, colors=_INK)
        axes.spines[:].set_visible(False)
        axes.set_title(title, loc="left", fontsize=10, color=_INK)
    _title(figure, f"Where models agree: share of the first {n} that is in both lists")
    return figure


def exposure_curves(exposures: Mapping[str, Places]) -> Figure:
    """Draw the share of places that the best sellers have, the first curve strongest.

    A curve further up to the left shows fewer, better known products. The last is drawn as what
    the others are compared with.
    """
    figure = Figure(figsize=(8.6, 4.8), dpi=110, layout="constrained")
    axes = figure.subplots()
    for number, (name, each) in enumerate(exposures.items()):
        last = number == len(exposures) - 1
        axes.plot(
            np.arange(1, len(each.counts) + 1),
            each.up_to,
            color=_GREY if last else _COLOURS[number % len(_COLOURS)],
            linestyle=(0, (4, 3)) if last else "-",
            linewidth=2.4 if number == 0 or last else 1.4,
            zorder=3 if number == 0 else 2,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_xlim(left=1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:,.0f}"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(visible=True, color="#e6e8eb", linewidth=0.8)
    _dress(
        axes,
        "rank by orders of the last 30 days (1 sells best; log scale)",
        "share of places up to it",
    )
    _title(figure, "How much of what is shown are best sellers?")
    figure.legend(frameon=False, loc="outside right center", fontsize=9)
    return figure


def source_bars(shares: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw which source filled the first, second, third ... place, one panel per list.

    Args:
        shares: List -> share of customers, one row per place and one column per source; a row
            sums to less than 1 where some have no product there.
    """
    sources = list(dict.fromkeys(name for each in shares.values() for name in each.columns))
    figure = Figure(figsize=(1.6 + 4.6 * len(shares), 4.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(shares), squeeze=False, sharey=True)[0]
    for axes, (title, table) in zip(panels, shares.items(), strict=True):
        bottom = np.zeros(len(table))
        for name in table.columns:
            colour = _COLOURS[sources.index(name) % len(_COLOURS)]
            axes.bar(table.index, table[name], 0.86, bottom=bottom, color=colour)
            bottom += table[name].to_numpy()
        axes.set_title(title, loc="left", fontsize=10, color=_INK)
        axes.set_ylim(0, 1)
        axes.set_xlim(0.3, len(table) + 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        _dress(axes, "place in the list", "")
    panels[0].set_ylabel("share of customers", color=_INK)
    _title(figure, "Which source filled the places?")
    handles = [Patch(color=_COLOURS[i % len(_COLOURS)]) for i in range(len(sources))]
    figure.legend(handles, sources, frameon=False, loc="outside right center", fontsize=9)
    return figure


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_GREY)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.set_axisbelow(True)


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=12, fontweight="bold", color=_INK)
