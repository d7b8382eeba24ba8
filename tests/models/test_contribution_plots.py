from __future__ import annotations

from io import BytesIO

import numpy as np

from models.contribution_plots import contribution_swarm

RANDOM = np.random.default_rng(7)
VALUES = RANDOM.normal(size=(300, 4))
MOVED = VALUES * np.array([0.1, 2.0, -0.5, 0.0])
FEATURES = ("little", "most", "down", "never")


def test_features_stand_in_order_of_how_far_they_move_scores() -> None:
    figure = contribution_swarm(FEATURES, MOVED, VALUES, most=3)

    labels = [label.get_text().split()[0] for label in figure.axes[0].get_yticklabels()]
    assert labels == ["little", "down", "most"]  # from below


def test_every_customer_is_a_dot_at_the_contribution() -> None:
    figure = contribution_swarm(FEATURES, MOVED, VALUES, most=1)

    (dots,) = figure.axes[0].collections
    assert np.allclose(np.sort(dots.get_offsets()[:, 0]), np.sort(MOVED[:, 1]))
    assert np.abs(dots.get_offsets()[:, 1]).max() < 0.5  # within its row


def test_a_feature_that_is_the_same_for_all_can_be_drawn() -> None:
    figure = contribution_swarm(("flat",), np.zeros((5, 1)), np.ones((5, 1)))

    file = BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
