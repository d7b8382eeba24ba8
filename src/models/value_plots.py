"""Pictures of how well spend was foreseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from models.gate import Floats

_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_GREY: Final = "#8a8f98"
_TENTHS: Final = 10


def spend_curves(spend: Floats, expected: Mapping[str, Floats]) -> Figure:
    """Draw how much of all spend the customers of the highest expectation had; and the levels.

    Args:
        spend: What each customer spent, minor units.
        expected: What was expected, by model; the first is drawn strongest, and alone on the
            right: true against expected means of ten groups of customers, equally many in each.
    """
    figure = Figure(figsize=(10.0, 4.8), dpi=120, layout="constrained", facecolor="white")
    share, level = figure.subplots(1, 2)
    share.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    reached = np.arange(1, len(spend) + 1) / len(spend)
    for number, (name, values) in enumerate({**expected, "the best there is": spend}.items()):
        held = np.cumsum(spend[np.argsort(-values, kind="stable")]) / spend.sum()
        colour = _COLOURS[number] if name in expected and number < len(_COLOURS) else _GREY
        width = 2.2 if number == 0 else 1.2
        share.plot(reached, held, color=colour, linewidth=width, label=name)
    _dress(share, "Who will spend ranks first", "customers, most expected first", "of all spend")
    share.xaxis.set_major_formatter(PercentFormatter(1))
    share.yaxis.set_major_formatter(PercentFormatter(1))
    share.legend(frameon=False, loc="lower right", fontsize=9)
    first = next(iter(expected.values()))
    groups = np.array_split(np.argsort(first, kind="stable"), min(_TENTHS, len(first)))
    means = np.array([(first[group].mean(), spend[group].mean()) for group in groups]) / 100
    level.plot(*[[0, means.max()]] * 2, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
    level.plot(means[:, 0], means[:, 1], marker="o", color=_COLOURS[0], linewidth=1.6)
    _dress(level, "Are the amounts right?", "expected spend, mean of a tenth", "true spend")
    return figure


def _dress(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
