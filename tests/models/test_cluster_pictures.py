from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.cluster_pictures import cluster_map, margins, moves, what_came
from models.clustering import fit_clusters
from models.clusters import Clusters
from tests.models.tribes import tribes


@pytest.fixture(scope="module")
def model() -> Clusters:
    return fit_clusters(tribes(), seed=7, ks=(3,), refits=1).model


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_the_map_has_a_dot_for_each_customer_and_rings_for_outliers(model: Clusters) -> None:
    frame = tribes()

    figure = cluster_map(model, frame)

    dots, rings = figure.axes[0].collections
    assert len(np.asarray(dots.get_offsets())) == len(frame)
    assert len(np.asarray(rings.get_offsets())) == model.place(frame)["cluster_outlier"].sum()
    names = [text.get_text() for text in figure.legends[0].texts]
    assert len(names) == 4
    assert names[0].startswith("1  Frequent")
    assert figure.axes[0].get_xlabel().endswith("→")
    assert png(figure).startswith(b"\x89PNG")


def test_what_came_is_by_cluster_with_everybody_beside(model: Clusters) -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    ordered = np.array([True, True, True, False, False, False])
    spent = np.array([100.0, 140.0, 50.0, 0.0, 0.0, 0.0])

    figure = what_came(model, labels, ordered, spent, days=30)

    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["100%", "50%", "0%"]
    assert [text.get_text() for text in right.texts] == ["120", "25", "0"]
    assert left.get_title("left") == "Ordered in the 30 days after"
    assert png(figure).startswith(b"\x89PNG")


def test_moves_are_shares_of_the_cluster_before(model: Clusters) -> None:
    before, after = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1])

    figure = moves(model, before, after)

    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["75%", "25%", "0%", "0%", "100%", "0%", "0%", "100%", "0%"]
    assert png(figure).startswith(b"\x89PNG")


def test_margins_have_a_box_for_each_cluster(model: Clusters) -> None:
    figure = margins(model, model.place(tribes()))

    assert len(figure.axes[0].patches) == 3
    assert figure.axes[0].yaxis_inverted()
    assert png(figure).startswith(b"\x89PNG")
