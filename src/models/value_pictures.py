"""Pictures of what customers are worth: who is alive, what came of it, and who holds how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from models.bg_nbd import BgNbd, Orders
from models.calibration import Floats
from models.cluster_plots import INK, dress

_BLUE: Final = "#0072B2"
_ORANGE: Final = "#E69F00"
_RED: Final = "#D55E00"
_PALE: Final = "#c9d1d9"
_GREY: Final = "#8a8f98"
_COLOURS: Final = (_BLUE, _ORANGE, "#009E73")
_PALE_TO_BLUE: Final = LinearSegmentedColormap.from_list("pale-blue", ["#ffffff", "#56B4E9"])
_ERROR: Final = {"ecolor": _GREY, "elinewidth": 1.2, "zorder": 5}
_DASHES: Final = (0, (4, 3))
_TENTHS: Final = 10
_Z: Final = 1.96
_GRID: Final = 240
_DOTS: Final = 2_000
_LEAST: Final = 1.9  # orders: two, and room for the dots
_COUNT: Final = FuncFormatter(lambda count, _: f"{count:,.0f}")


def alive_map(model: BgNbd, orders: Orders, *, days: float, seed: int = 7) -> Figure:
    """Draw who is still a customer, and how many orders to expect, by silence and frequency.

    Both are of customers as old as the one in the middle, with two orders or more. Dots are real
    customers, of any age.

    Args:
        model: Fitted.
        orders: Of the shop's customers.
        days: How far ahead the expected orders are.
        seed: Of the customers drawn as dots where there are many.
    """
    age, again = float(np.median(orders.age)), np.flatnonzero(orders.repeats > 0)
    most = max(float(np.quantile(orders.repeats[again] + 1, 0.99)), 4.0) * 1.05
    x, y = np.meshgrid(np.linspace(0, age, _GRID), np.geomspace(_LEAST, most, _GRID))
    flat = Orders(y.ravel() - 1, age - x.ravel(), np.full(x.size, age))
    few = np.random.default_rng(seed).permutation(again)[:_DOTS]
    figure = Figure(figsize=(11.5, 4.6), dpi=120, layout="constrained", facecolor="white")
    alive, expected = figure.subplots(1, 2, sharey=True)
    chance = model.p_alive(flat).reshape(x.shape)
    ahead = model.expected_orders(flat, days).reshape(x.shape)
    for axes, grid, norm in (
        (alive, chance, Normalize(0, 1)),
        (expected, ahead, PowerNorm(0.5, vmin=0)),  # else a few at the top have all the colour
    ):
        image = axes.pcolormesh(x, y, grid, cmap=_PALE_TO_BLUE, norm=norm, rasterized=True)
        axes.scatter((orders.age - orders.last)[few], orders.repeats[few] + 1, s=5, color=INK,
                     alpha=0.35, lw=0)  # fmt: skip
        bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        if axes is alive:
            bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    if chance.min() < 0.5 < chance.max():
        line = alive.contour(x, y, chance, levels=[0.5], colors=_RED, linewidths=2)
        alive.clabel(line, fmt={0.5: "50%"}, fontsize=9)
    _frequencies(alive, most)
    alive.set_xlim(0, age)
    expected.set_xlim(0, age)
    dress(alive, "Still a customer?", "days since the last order", "orders so far")
    dress(expected, f"Orders to expect in {days:.0f} days", "days since the last order", "")
    return figure


def _frequencies(axes: Axes, most: float) -> None:
    axes.set(yscale="log", ylim=(_LEAST, most))
    ticks = [step * 10**power for power in range(6) for step in (1, 2, 5)]
    axes.set_yticks([tick for tick in ticks if 2 <= tick <= most])
    axes.yaxis.set_major_formatter(_COUNT)
    axes.minorticks_off()


def came_by_group(
    groups: Sequence[str], of: Floats, came: Floats, expected: Mapping[str, Floats], *, by: str
) -> Figure:
    """Draw what came as bars, with 95 % intervals of the mean, and what was expected as lines.

    Args:
        groups: Names of the groups, in order.
        of: The group of each customer, counted from 0.
        came: What each did.
        expected: What was expected of each, by model; the first is drawn strongest.
        by: What the groups are, for the axis.
    """
    figure = Figure(figsize=(8.5, 4.4), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    own = [came[of == number] for number in range(len(groups))]
    half = [_Z * each.std() / np.sqrt(max(len(each), 1)) for each in own]
    at = np.arange(len(groups))
    axes.bar(at, [each.mean() for each in own], yerr=half, color=_PALE, width=0.7, label="came",
             error_kw=_ERROR)  # fmt: skip
    for number, (name, values) in enumerate(expected.items()):
        means = [values[of == group].mean() for group in range(len(groups))]
        axes.plot(at, means, marker="o", markersize=4 if number else 6, label=name,
                  color=_COLOURS[number % len(_COLOURS)], linewidth=1.3 if number else 2.2,
                  zorder=3 if number else 4)  # fmt: skip
    counted = zip(groups, own, strict=True)
    axes.set_xticks(at, [f"{name}\n{len(each):,}" for name, each in counted])
    axes.set_ylim(bottom=0)
    _grid(axes)
    dress(axes, "What was expected, and what came", f"{by}; below: customers", "mean per customer")
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def spend_tenths(spend: Floats, expected: Floats, low: Floats, high: Floats) -> Figure:
    """Draw spend by tenths of what was expected, and how many stayed within their bounds.

    Args:
        spend: What each customer spent.
        expected: What was expected; tenths are equally many customers by it.
        low: Nine in ten should spend more.
        high: Nine in ten should spend less.
    """
    groups = np.array_split(np.argsort(expected, kind="stable"), min(_TENTHS, len(expected)))
    at = np.arange(1, len(groups) + 1)
    figure = Figure(figsize=(11.5, 4.4), dpi=120, layout="constrained", facecolor="white")
    level, held = figure.subplots(1, 2)
    half = [_Z * spend[each].std() / np.sqrt(len(each)) for each in groups]
    level.bar(at, [spend[each].mean() for each in groups], yerr=half, color=_PALE, label="spent",
              error_kw=_ERROR)  # fmt: skip
    level.plot(at, [expected[each].mean() for each in groups], "o-", color=_BLUE, linewidth=2,
               label="expected")  # fmt: skip
    bounds = [[side[each].mean() for each in groups] for side in (low, high)]
    level.fill_between(at, *bounds, color=_BLUE, alpha=0.12, lw=0, label="mean bounds, p10 to p90")
    below = np.array([(spend[each] < low[each]).mean() for each in groups])
    above = np.array([(spend[each] > high[each]).mean() for each in groups])
    held.bar(at, below, color=_ORANGE, label="below p10")
    held.bar(at, 1 - below - above, bottom=below, color=_PALE, label="within")
    held.bar(at, above, bottom=1 - above, color=_BLUE, label="above p90")
    for line in (0.1, 0.9):
        held.axhline(line, color=INK, linewidth=1, linestyle=_DASHES)
    held.set_ylim(0, 1)
    held.yaxis.set_major_formatter(PercentFormatter(1))
    level.yaxis.set_major_formatter(_COUNT)
    level.set_ylim(bottom=0)
    _grid(level)
    x = "tenth of customers by expected spend"
    dress(level, "Are the amounts right?", x, "mean per customer")
    dress(held, "Do the bounds hold? (dashed: meant)", x, "share of customers")
    for axes in (level, held):
        axes.set_xticks(at)
    level.legend(frameon=False, loc="upper left", fontsize=9)
    figure.legend(*held.get_legend_handles_labels(), frameon=False, fontsize=9, ncols=3,
                  loc="outside lower right")  # fmt: skip
    return figure


def value_tenths(historic: Floats, predicted: Floats) -> Figure:
    """Draw total value as what was and what is to come, by tenths of customers, the best first."""
    groups = np.array_split(np.argsort(-(historic + predicted), kind="stable"), _TENTHS)
    at = np.arange(1, len(groups) + 1)
    figure = Figure(figsize=(8.5, 4.2), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    was = np.array([historic[each].mean() if len(each) else 0.0 for each in groups])
    comes = np.array([predicted[each].mean() if len(each) else 0.0 for each in groups])
    axes.bar(at, was, color=_PALE, label="historic value")
    axes.bar(at, comes, bottom=np.maximum(was, 0), color=_BLUE, label="predicted value, 365 days")
    axes.yaxis.set_major_formatter(_COUNT)
    axes.set_xticks(at)
    _grid(axes)
    x = "tenth of customers by total value, the best first"
    dress(axes, "Total value: what was, and what is to come", x, "mean per customer")
    axes.legend(frameon=False, loc="upper right", fontsize=9)
    return figure


def inequality(values: Floats) -> float:
    """Return the Gini coefficient: 0 where all hold the same, near 1 where one holds everything.

    Less than nothing counts as nothing; where nobody holds anything it is 0.
    """
    held = np.sort(np.maximum(values, 0.0))
    if not held.sum():
        return 0.0
    ranks = np.arange(1, len(held) + 1)
    return float(2 * (ranks @ held) / (len(held) * held.sum()) - (len(held) + 1) / len(held))


def lorenz_curves(values: Mapping[str, Floats]) -> Figure:
    """Draw which share of all value the lowest customers hold; dashed: everybody holds the same."""
    figure = Figure(figsize=(6.4, 5.4), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle=_DASHES)
    for number, (name, each) in enumerate(values.items()):
        held = np.insert(np.cumsum(np.sort(np.maximum(each, 0.0))), 0, 0.0)
        axes.plot(np.linspace(0, 1, len(held)), held / (held[-1] or 1.0),
                  color=_COLOURS[number % len(_COLOURS)], linewidth=1.4 if number else 2.4,
                  label=f"{name} (Gini {inequality(each):.2f})")  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    _grid(axes)
    dress(axes, "Who holds how much", "customers, the lowest first", "of all value")
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return figure


def quadrants(value: Floats, p_churn: Floats, *, rich: float, gone: float) -> pd.DataFrame:
    """Cut customers by value and risk: a row per quadrant, `customers` and their `value`.

    Args:
        value: Of each customer.
        p_churn: Probability that they are gone.
        rich: From this value on they are of the best.
        gone: From this probability on they are at risk.
    """
    best, risky = value >= rich, p_churn >= gone
    parts = {
        "the best, staying": best & ~risky,
        "the best, at risk": best & risky,
        "the others, staying": ~best & ~risky,
        "the others, at risk": ~best & risky,
    }
    rows = {
        name: {"customers": int(part.sum()), "value": value[part].sum()}
        for name, part in parts.items()
    }
    return pd.DataFrame(rows).T


def value_and_risk(
    value: Floats, p_churn: Floats, *, rich: float, gone: float, seed: int = 7
) -> Figure:
    """Draw customers by risk and value, and how many each quadrant holds; as `quadrants`."""
    figure = Figure(figsize=(9.0, 5.2), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    few = np.random.default_rng(seed).permutation(len(value))[:_DOTS]
    floor = max(float(np.quantile(value, 0.01)), 1.0)
    save = (value >= rich) & (p_churn >= gone)
    height = np.maximum(value, floor)
    axes.scatter(p_churn[few], height[few], s=9, color=_BLUE, alpha=0.5, lw=0)
    axes.scatter(p_churn[save], height[save], s=30, color=_RED, lw=0)
    axes.axhline(rich, color=INK, linewidth=1)
    axes.axvline(gone, color=INK, linewidth=1)
    axes.set(yscale="log", xlim=(0, 1), ylim=(floor, float(height.max()) * 2.2))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(_COUNT)
    table = quadrants(value, p_churn, rich=rich, gone=gone)
    for (name, row), (x, y, ha, va) in zip(
        table.iterrows(),
        ((0.01, 0.985, "left", "top"), (0.99, 0.985, "right", "top"),
         (0.01, 0.015, "left", "bottom"), (0.99, 0.015, "right", "bottom")),
        strict=True,
    ):  # fmt: skip
        axes.text(x, y, f"{name}: {row['customers']:,.0f}", transform=axes.transAxes, ha=ha, va=va,
                  fontsize=9.5, color=INK, fontweight="bold",
                  bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1.5})  # fmt: skip
    dress(axes, "Who is worth winning back", "probability of being gone", "value so far")
    return figure


def _grid(axes: Axes) -> None:
    axes.grid(visible=True, axis="y", color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
