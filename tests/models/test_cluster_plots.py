from __future__ import annotations

import io
from math import nan

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.cluster_plots import cluster_sizes, profile_heat_map, stability_by_k
from models.cluster_trials import Trial
from models.clusters import Cluster, Clusters, QuantileScale

FEATURES = ("orders_90d", "order_value_minor_90d", "share_BOOKS")
RANKS = np.linspace(0, 1, 101)[:, None] * np.array([100.0, 10_000.0, 1.0])


def cluster(label: int, name: str, *medians: float, share: float = 0.5) -> Cluster:
    profile = dict(zip(FEATURES, medians, strict=True))
    return Cluster(label=label, name=name, traits=(), share=share, profile=profile)


MODEL = Clusters(
    features=FEATURES,
    scale=QuantileScale.fit(RANKS, np.ones(3)),
    centres=np.zeros((2, 3)),
    radii=np.ones(2),
    clusters=(
        cluster(0, "Frequent, big baskets, loves books", 90, 123_456, 0.75, share=0.96),
        cluster(1, "Lapsing", 2.5, 800, 0, share=0.04),
    ),
    shop=dict(zip(FEATURES, (50, 5_000, 0.5), strict=True)),
)


def trial(k: int, stability: float, *, algorithm: str = "k-means", tells: float = nan) -> Trial:
    return Trial(
        algorithm=algorithm,
        k=k,
        stability=stability,
        worst=0.5,
        smallest=0.1,
        silhouette=0.3,
        eta_ordered=tells,
        eta_spent=tells,
    )


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_the_heat_map_shows_every_median_in_its_unit_and_the_shop_last() -> None:
    figure = profile_heat_map(MODEL)

    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [
        *("90", "1,234.56", "75%"),
        *("2.5", "8.00", "0%"),
        *("50", "50.00", "50%"),
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "Frequent, big baskets,\nloves books",
        "Lapsing",
        "The whole shop",
    ]
    assert "share of\nbooks" in {label.get_text() for label in axes.get_xticklabels()}
    assert png(figure).startswith(b"\x89PNG")


def test_the_heat_map_colours_by_rank_in_the_shop() -> None:
    (image,) = profile_heat_map(MODEL).axes[0].get_images()

    ranks = np.asarray(image.get_array())
    assert ranks[0, 0] > 0.85
    assert ranks[1, 0] < 0.05
    assert abs(ranks[2] - 0.5).max() < 0.02


def test_sizes_are_shares_with_the_most_valuable_on_top() -> None:
    figure = cluster_sizes(MODEL)

    assert [text.get_text() for text in figure.axes[0].texts] == ["96%", "4%"]
    assert figure.axes[0].yaxis_inverted()
    assert png(figure).startswith(b"\x89PNG")


def test_the_chosen_one_is_marked_where_it_lies_in_both_panels() -> None:
    trials = [trial(k, 0.99 - k / 50, tells=k / 20) for k in (3, 4, 5)]
    trials.append(trial(4, 0.7, algorithm="ward", tells=0.3))

    figure = stability_by_k(trials, trials[1])

    for axes, height in zip(figure.axes, (0.91, 0.2), strict=True):
        marked = next(text for text in axes.texts if text.get_text().startswith("chosen"))
        assert marked.get_text() == "chosen: k-means, k=4"
        assert marked.xy == (4, pytest.approx(height))
    assert png(figure).startswith(b"\x89PNG")


def test_algorithms_are_told_apart_below_the_panels_and_who_found_none_is_said() -> None:
    trials = [trial(3, 0.9), trial(3, 0.6, algorithm="ward")]

    figure = stability_by_k(trials, trials[0])

    assert figure.axes[0].get_legend() is None
    names = [text.get_text() for text in figure.legends[0].texts]
    assert names == ["k-means", "ward", "hdbscan (found none)"]


def test_where_no_future_is_known_nothing_is_marked_in_its_panel() -> None:
    trials = [trial(3, 0.9), trial(4, 0.8)]

    figure = stability_by_k(trials, trials[0])

    assert not figure.axes[1].texts
    assert png(figure).startswith(b"\x89PNG")
