"""Pictures of the customers in their clusters: where they lie, what they did, where they went."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from models.cluster_plots import INK, dress, feature_label, wrapped
from models.clusters import Clusters, Floats

# Okabe and Ito's colours, told apart by readers who do not see red and green apart.
COLOURS: Final = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8a8f98", "#22262b"),
)
_DOTS: Final = 4_000  # customers on the map; more only make it black
_LOADINGS: Final = 2  # features that name the end of an axis
_Z: Final = 1.96


def cluster_map(model: Clusters, frame: pd.DataFrame, *, seed: int = 7) -> Figure:
    """Draw customers on the two directions in which they differ most, coloured by cluster.

    Neighbours on the map may lie apart in the directions that it leaves out: the title says how
    much of the difference it shows. Rings are outliers.
    """
    few = frame.sample(min(len(frame), _DOTS), random_state=seed)
    points, placed = model.points(few), model.place(few)
    middle = points.mean(axis=0)
    _, spread, axes_of = np.linalg.svd(points - middle, full_matrices=False)
    flat, centres = (points - middle) @ axes_of[:2].T, (model.centres - middle) @ axes_of[:2].T
    figure = Figure(figsize=(9.5, 5.6), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    position = {cluster.label: number for number, cluster in enumerate(model.clusters)}
    own = placed["label"].map(position).to_numpy()
    axes.scatter(flat[:, 0], flat[:, 1], s=9, c=np.array(COLOURS)[own], linewidths=0, alpha=0.55)
    out = placed["cluster_outlier"].to_numpy()
    axes.scatter(
        flat[out, 0], flat[out, 1], s=34, facecolors="none", edgecolors=INK, linewidths=0.8
    )
    for number, (x, y) in enumerate(centres):
        circle = {"boxstyle": "circle", "fc": COLOURS[number], "ec": "white"}
        axes.text(x, y, str(number + 1), color="white", ha="center", va="center",
                  fontweight="bold", bbox=circle)  # fmt: skip
    shown = (spread[:2] ** 2).sum() / (spread**2).sum()
    title = f"The customers on a map that shows {shown:.0%} of how they differ"
    dress(axes, title, _ends(model, axes_of[0]), _ends(model, axes_of[1]))
    axes.set_xticks([])
    axes.set_yticks([])
    handles = [
        Line2D([], [], marker="o", linestyle="", color=COLOURS[number],
               label=f"{number + 1}  {wrapped(cluster.name)}")
        for number, cluster in enumerate(model.clusters)
    ]  # fmt: skip
    handles.append(
        Line2D([], [], marker="o", linestyle="", color=INK, fillstyle="none", label="outlier")
    )
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def what_came(
    model: Clusters,
    labels: NDArray[np.int64],
    ordered: NDArray[np.bool_],
    spent: Floats,
    *,
    days: int,
) -> Figure:
    """Draw who ordered afterwards and what a head spent, by cluster, with 95 % intervals.

    Args:
        model: What placed the customers.
        labels: Of each customer, before.
        ordered: Whether they ordered within the days after.
        spent: What they spent in these, in units of the currency.
        days: How many days these are.
    """
    figure = Figure(figsize=(11.0, 1.4 + 0.6 * len(model.clusters)), dpi=120)
    figure.set_layout_engine("constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, values in ((left, ordered.astype(np.float64)), (right, spent)):
        for number, cluster in enumerate(model.clusters):
            own = values[labels == cluster.label]
            if len(own):
                half = _Z * own.std() / np.sqrt(len(own))
                _bar(axes, number, own.mean(), half, share=axes is left)
        axes.axvline(values.mean(), color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(left=0)
    left.set_yticks(range(len(model.clusters)), [wrapped(each.name) for each in model.clusters])
    left.invert_yaxis()
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    everybody = "(dashed: everybody)"
    dress(left, f"Ordered in the {days} days after", f"share of customers {everybody}", "")
    dress(right, f"Spent in the {days} days after", f"mean per customer {everybody}", "")
    return figure


def moves(model: Clusters, before: NDArray[np.int64], after: NDArray[np.int64]) -> Figure:
    """Draw which share of a cluster's members went to which, under the same model."""
    labels = [cluster.label for cluster in model.clusters]
    counts = pd.crosstab(before, after).reindex(index=labels, columns=labels, fill_value=0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    figure = Figure(figsize=(4.2 + 0.85 * len(labels), 1.8 + 0.6 * len(labels)), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*shares.shape):
        colour = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", color=colour)
    names = [f"{number}  {wrapped(each.name)}" for number, each in enumerate(model.clusters, 1)]
    axes.set_yticks(range(len(labels)), names)
    axes.set_xticks(range(len(labels)), [str(number + 1) for number in range(len(labels))])
    dress(axes, "Of each row's members, who is where later", "cluster then", "")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def margins(model: Clusters, placed: pd.DataFrame) -> Figure:
    """Draw how clearly customers belong to their cluster: half of them lie within the box."""
    figure = Figure(figsize=(8.5, 1.3 + 0.55 * len(model.clusters)), dpi=120)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    values: list[Any] = [
        placed.loc[placed["label"] == cluster.label, "cluster_margin"] for cluster in model.clusters
    ]
    boxes = axes.boxplot(values, orientation="horizontal", widths=0.55, patch_artist=True,
                         showfliers=False, medianprops={"color": INK})  # fmt: skip
    for number, box in enumerate(boxes["boxes"]):
        box.set(facecolor=COLOURS[number], alpha=0.6, linewidth=0)
    numbers = range(1, len(values) + 1)
    axes.set_yticks(numbers, [wrapped(each.name) for each in model.clusters])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    dress(axes, "How clearly do they belong?", "margin: 0 on the border, 1 at the centre", "")
    return figure


def _bar(axes: Axes, number: int, mean: float, half: float, *, share: bool) -> None:
    axes.barh(number, mean, color=COLOURS[number], height=0.62, alpha=0.85)
    axes.errorbar(mean, number, xerr=half, color=INK, linewidth=1.2, capsize=3)
    text = f"{mean:.0%}" if share else f"{mean:,.0f}"
    axes.annotate(text, (mean + half, number), (6, 0), textcoords="offset points", va="center",
                  bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip


def _ends(model: Clusters, direction: Floats) -> str:
    """Name the ends of an axis by the features that weigh most in it."""
    order = np.argsort(direction)
    low, high = (
        [feature_label(model.features[each]).replace("\n", " ") for each in some]
        for some in (order[:_LOADINGS], order[::-1][:_LOADINGS])
    )
    return f"← more {', '.join(low)}   ·   more {', '.join(high)} →"
