"""Pictures of send times, as Matplotlib figures that need no screen."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from features.reading import HOURS
from models.send_time import WITHIN, SendTime, counted, groups_of
from models.send_time_measures import Readers, hits

# As in models.plots: told apart by readers who do not see red and green apart.
_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_GREY: Final = "#8a8f98"
_INK: Final = "#22262b"
_MOST: Final = 6  # reads; more are in the last bar


def best_hours(model: SendTime, readers: Readers) -> Figure:
    """Draw when mail is read in the shop, and how many customers each hour is best for."""
    best, _ = model.best_hours(readers.hours(model), groups_of(readers.frame))
    counts = np.bincount(best[~np.isnan(best)].astype(np.int64), minlength=HOURS)
    figure = Figure(figsize=(7.5, 3.8), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    axes.bar(
        np.arange(HOURS),
        counts / max(counts.sum(), 1),
        color=_BLUE,
        alpha=0.8,
        label="customers, by their best hour to send",
    )
    axes.plot(
        np.arange(HOURS), model.shop, color=_ORANGE, linewidth=2.2, label="all reads, by hour"
    )
    axes.axvline(model.shop_hour, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        "shop's best hour",
        (model.shop_hour, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -12),
        textcoords="offset points",
        fontsize=9,
        color=_INK,
    )
    _dress(axes, "When to send: hours on the customers' own clocks", "hour of the day")
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.legend(frameon=False, fontsize=9)
    return figure


def later_hits(model: SendTime, readers: Readers) -> Figure:
    """Draw how often later mails were read in time, by how many reads were known before."""
    known = np.minimum(counted(readers.hours(model)), _MOST)[readers.reader]
    figure = Figure(figsize=(7.5, 3.8), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for one, name, colour in (
        (model, "the customer's own hour", _BLUE),
        (model.baseline(), "shop's best hour", _GREY),
    ):
        hit = hits(one, readers)
        at = [number for number in range(1, _MOST + 1) if (known == number).any()]
        share = [hit[known == number].mean() for number in at]
        axes.plot(at, share, marker="o", color=colour, linewidth=2, label=name)
    _dress(axes, f"Later mails read within {WITHIN} hours from the best hour", "mails read before")
    axes.set_xticks(range(1, _MOST + 1), [*map(str, range(1, _MOST)), f"{_MOST}+"])
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _dress(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold", color=_INK)
    axes.set_xlabel(below)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.spines[["top", "right"]].set_visible(False)
