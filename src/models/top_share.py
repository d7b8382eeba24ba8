"""What mailing only the best-scored customers comes to, in customers: hits, waste and misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from core.errors import DataError
from models.cluster_plots import INK, dress

_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73")  # of Okabe and Ito, as in `models.plots`
_GREY: Final = "#8a8f98"
_STEPS: Final = np.linspace(0, 1, 201)


def top_share(label: ArrayLike, score: ArrayLike, shares: Sequence[float]) -> pd.DataFrame:
    """Say what it would have come to to mail the highest scores only.

    Customers of one score are drawn at random among themselves, and counted by their mean: one
    score for everybody is mailing at random.

    Args:
        label: 1 who ordered afterwards, 0 who did not; one per customer.
        score: The higher, the sooner mailed.
        shares: Of the customers, 0 to 1.

    Returns:
        A row per share: `share`, `sends`, `ordered` (of those mailed), `wasted` (sends to who did
        not order), `missed` (who ordered and was not mailed).

    Raises:
        DataError: Labels and scores differ in number, there are none, or a share is not in [0, 1].
    """
    truth = np.asarray(label, dtype=np.float64)
    values = np.asarray(score, dtype=np.float64)
    wanted = np.asarray(shares, dtype=np.float64)
    if truth.shape != values.shape or truth.ndim != 1 or not len(truth):
        raise DataError(f"labels and scores must be as many: {truth.shape}, {values.shape}.")
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise DataError(f"shares are from 0 to 1, got {wanted.tolist()}.")
    sends = np.round(wanted * len(truth))
    ordered = np.interp(sends, *_reached(truth, values))
    columns = {
        "share": wanted,
        "sends": sends.astype(np.int64),
        "ordered": ordered,
        "wasted": sends - ordered,
        "missed": truth.sum() - ordered,
    }
    return pd.DataFrame(columns)


def _reached(
    truth: NDArray[np.float64], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sends and orders where a score ends: in between, ties are reached in proportion."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.diff(score[order]) != 0, True)
    buyers, sends = np.cumsum(truth[order])[ends], np.arange(1.0, len(truth) + 1)[ends]
    return np.insert(sends, 0, 0.0), np.insert(buyers, 0, 0.0)


def top_share_curves(label: ArrayLike, scores: Mapping[str, ArrayLike], chosen: float) -> Figure:
    """Draw wasted sends and missed orders by the share of customers who are mailed.

    Args:
        label: As in `top_share`.
        scores: By name; the first is drawn strongest. Dashed is mailing at random.
        chosen: The share to mark, with the first's figures.
    """
    truth = np.asarray(label, dtype=np.float64)
    figure = Figure(figsize=(11.0, 4.6), dpi=120, layout="constrained", facecolor="white")
    panels = dict(zip(("wasted", "missed"), figure.subplots(1, 2), strict=True))
    random = top_share(truth, np.zeros(len(truth)), _STEPS.tolist())
    tables = {name: top_share(truth, each, _STEPS.tolist()) for name, each in scores.items()}
    mark = top_share(truth, next(iter(scores.values())), [chosen]).iloc[0]
    for what, axes in panels.items():
        axes.plot(_STEPS, random[what], color=_GREY, linewidth=1.2, linestyle=(0, (4, 3)),
                  label="at random")  # fmt: skip
        for number, (name, table) in enumerate(tables.items()):
            colour, width = _COLOURS[number % len(_COLOURS)], 1.4 if number else 2.4
            axes.plot(_STEPS, table[what], color=colour, linewidth=width, label=name,
                      zorder=2 if number else 3)  # fmt: skip
        _mark(axes, chosen, mark[what], apart=20 if what == "wasted" else -26)
        axes.set(xlim=(0, 1), ylim=(0, None))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        axes.grid(visible=True, color="#e6e8eb", linewidth=0.8)
        axes.set_axisbelow(True)
    x = "customers mailed, highest scores first"
    dress(panels["wasted"], "Sends wasted on who does not order", x, "sends")
    dress(panels["missed"], "Orders missed: who orders unmailed", x, "customers")
    panels["missed"].legend(frameon=False, loc="upper right", fontsize=9)  # lines go down there
    return figure


def _mark(axes: Axes, share: float, count: float, *, apart: int) -> None:
    """Say the count on the side that the line leaves free."""
    side = -1 if share > 0.3 else 1
    axes.axvline(share, color=INK, linewidth=0.8)
    axes.plot(share, count, "o", color=_COLOURS[0], markersize=6, zorder=4)
    axes.annotate(
        f"{count:,.0f} at {share:.0%}",
        (share, count),
        textcoords="offset points",
        xytext=(8 * side, apart),
        ha="left" if side > 0 else "right",
        fontsize=9,
        color=INK,
        bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 1.5},
        zorder=5,
    )
