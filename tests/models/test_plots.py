from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.plots import calibration_curve, importance_bars, ranking_curves

RANDOM = np.random.default_rng(7)
SCORE = RANDOM.random(300)
LABEL = (RANDOM.random(300) < SCORE).astype(int)
SCORES = {"lightgbm": SCORE, "rfm-sum": np.round(SCORE, 1), "flat": np.full(300, 0.5)}


def png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.parametrize("draw", [calibration_curve, ranking_curves])
def test_draws_a_line_per_model_with_its_figure_in_the_legend(draw) -> None:  # noqa: ANN001  # parametrised
    figure = draw(LABEL, SCORES)

    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [text.split(" (")[0] for text in texts] == list(SCORES)
    assert png(figure).startswith(b"\x89PNG")


def test_the_roc_of_a_perfect_score_goes_through_the_corner() -> None:
    figure = ranking_curves(LABEL, {"perfect": LABEL})

    line = figure.axes[0].get_lines()[1].get_xydata()
    assert line.tolist() == [[0, 0], [0, 1], [1, 1]]


def test_importance_shows_the_biggest_on_top() -> None:
    figure = importance_bars({f"feature {n}": 1 / (n + 1) for n in range(30)}, most=5)

    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"feature {n}" for n in (4, 3, 2, 1, 0)]
    assert png(figure).startswith(b"\x89PNG")


def test_no_two_ticks_of_the_importance_are_rounded_to_unequal_steps() -> None:
    figure = importance_bars({"recency_days": 0.19, "orders_90d": 0.12, "coupons_90d": 0.03})
    figure.draw_without_rendering()

    shown = [float(tick.get_text().rstrip("%")) for tick in figure.axes[0].get_xticklabels()]

    assert np.ptp(np.diff(shown)) < 1e-6
