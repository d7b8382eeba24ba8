from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import MissingColumnsError
from models.clusters import Cluster, Clusters, QuantileScale, measured, nearest, squared_distances


@pytest.fixture
def clusters() -> Clusters:
    """Two clusters on two features: few orders against many."""
    values = np.column_stack([np.arange(100.0), np.repeat([0.0, 1.0], 50)])
    return Clusters(
        features=("orders_90d", "share_SHOES"),
        scale=QuantileScale.fit(values, np.array([1.0, 0.5])),
        centres=np.array([[0.8, 0.4], [0.2, 0.1]]),
        radii=np.array([0.15, 0.3]),
        clusters=(
            Cluster(label=0, name="Frequent", traits=("frequent",), share=0.5),
            Cluster(label=1, name="Occasional", traits=("occasional",), share=0.5),
        ),
        shop={"orders_90d": 49.5},
    )


def test_ranks_are_quantiles_and_ties_stand_in_their_middle() -> None:
    scale = QuantileScale.fit(np.array([[0.0], [0.0], [1.0], [9.0]]), np.array([1.0]))

    ranks = scale.ranks(np.array([[-5.0], [0.0], [9.0], [1e9]]))[:, 0]

    assert ranks[0] == 0.0
    assert ranks[1] == pytest.approx(0.17, abs=0.02)
    assert ranks[3] == 1.0


def test_a_gap_counts_as_average(clusters: Clusters) -> None:
    gaps = pd.DataFrame({"orders_90d": [np.nan, 90.0], "share_SHOES": [np.nan, np.nan]})

    ranks = clusters.scale.ranks(gaps.to_numpy())

    assert ranks[0].tolist() == [0.5, 0.5]
    assert clusters.predict(gaps).tolist()[1] == 0


def test_baskets_and_discounts_of_who_has_no_order_of_late_are_gaps() -> None:
    columns = (
        "orders_90d",
        "basket_lines_90d",
        "order_value_minor_90d",
        "discount_share_90d",
        "share_SHOES",
    )
    frame = pd.DataFrame([[0.0, 0.0, 0.0, 0.0, 0.3], [2.0, 4.0, 900.0, 0.0, 0.3]], columns=columns)

    gone, here = measured(frame, columns)

    assert np.isnan(gone).tolist() == [False, True, True, True, False]
    assert here.tolist() == [2.0, 4.0, 900.0, 0.0, 0.3]
    assert frame.iloc[0].tolist() == [0.0, 0.0, 0.0, 0.0, 0.3]  # the caller's own stays


def test_a_column_of_gaps_only_puts_everybody_in_the_middle() -> None:
    scale = QuantileScale.fit(np.full((3, 1), np.nan), np.array([1.0]))

    assert scale.ranks(np.array([[np.nan]])).tolist() == [[0.5]]


def test_predicts_by_column_name_not_position(clusters: Clusters) -> None:
    frame = pd.DataFrame({"share_SHOES": [1.0, 0.0], "x": ["a", "b"], "orders_90d": [95.0, 3.0]})

    labels = clusters.predict(frame)

    assert labels.tolist() == [0, 1]
    assert clusters.names(labels) == ["Frequent", "Occasional"]


def test_places_with_the_margin_to_the_second_centre_and_outliers_beyond_the_radius(
    clusters: Clusters,
) -> None:
    # In ranks weighted by 1 and 0.5: (0.805, 0.375), (0.505, 0.375) and (0, 0.125).
    frame = pd.DataFrame(
        {"orders_90d": [80.0, 50.0, -1.0], "share_SHOES": [1.0, 1.0, 0.0]}, index=[7, 3, 9]
    )

    placed = clusters.place(frame)

    first = np.hypot([0.005, 0.295, 0.2], [0.025, 0.025, 0.025])
    second = np.hypot([0.605, 0.305, 0.8], [0.275, 0.275, 0.275])
    assert placed.index.tolist() == [7, 3, 9]
    assert placed["label"].tolist() == clusters.predict(frame).tolist() == [0, 0, 1]
    assert placed["cluster"].tolist() == ["Frequent", "Frequent", "Occasional"]
    assert placed["cluster_margin"].tolist() == pytest.approx(1 - first / second, abs=0.01)
    assert placed["cluster_outlier"].tolist() == [False, True, False]


def test_labels_are_those_of_the_clusters_not_their_places(clusters: Clusters) -> None:
    first, second = clusters.clusters
    moved = replace(clusters, clusters=(replace(first, label=4), second))
    frame = pd.DataFrame({"orders_90d": [95.0, 3.0], "share_SHOES": [1.0, 0.0]})

    assert moved.predict(frame).tolist() == [4, 1]
    assert moved.names(moved.predict(frame)) == ["Frequent", "Occasional"]


def test_a_model_without_radii_flags_nobody(clusters: Clusters, tmp_path: Path) -> None:
    clusters.save(tmp_path)
    with np.load(tmp_path / "clusters.npz") as arrays:
        older = {name: arrays[name] for name in arrays if name != "radii"}
    np.savez(tmp_path / "clusters.npz", **older)

    placed = Clusters.load(tmp_path).place(pd.DataFrame({"orders_90d": [50.0], "share_SHOES": 1.0}))

    assert placed["cluster_outlier"].tolist() == [False]


def test_names_the_missing_column(clusters: Clusters) -> None:
    with pytest.raises(MissingColumnsError, match="share_SHOES") as caught:
        clusters.predict(pd.DataFrame({"orders_90d": [1.0]}))

    assert caught.value.missing == ("share_SHOES",)


def test_says_which_departments_it_wants(clusters: Clusters) -> None:
    assert clusters.departments == ["SHOES"]


def test_comes_back_from_its_folder_the_same(clusters: Clusters, tmp_path: Path) -> None:
    clusters.save(tmp_path)

    again = Clusters.load(tmp_path)

    assert again.clusters == clusters.clusters
    assert (again.features, again.shop) == (clusters.features, clusters.shop)
    frame = pd.DataFrame({"orders_90d": range(100), "share_SHOES": 0.0})
    assert again.predict(frame).tolist() == clusters.predict(frame).tolist()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npz"]


def test_distances_are_those_of_the_plane() -> None:
    points, centres = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [3.0, 0.0]])

    assert squared_distances(points, centres).tolist() == [[25.0, 16.0], [0.0, 9.0]]


def test_no_extreme_of_a_single_customer_is_kept() -> None:
    values = np.append(np.arange(1_000.0), 1e9)[:, None]

    assert QuantileScale.fit(values, np.array([1.0])).knots.max() < 1_000


def test_nearest_takes_the_lower_label_of_a_tie() -> None:
    assert nearest(np.array([[0.0]]), np.array([[1.0], [-1.0]])).tolist() == [0]
