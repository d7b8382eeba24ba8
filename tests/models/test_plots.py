from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.plots import calibration_curve, gain_curves, importance_bars, ranking_curves

RANDOM = np.random.default_rng(7)
SCORE = RANDOM.random(300)
LABEL = (RANDOM.random(300) < SCORE).astype(int)
SCORES = {"lightgbm": SCORE, "rfm-sum": np.round(SCORE, 1), "flat": np.full(300, 0.5)}


def png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.parametrize("draw", [calibration_curve, ranking_curves, gain_curves])
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


def test_precision_begins_with_the_best_and_ends_at_the_share_of_buyers() -> None:
    figure = ranking_curves([1, 1, 0, 1], {"model": [0.9, 0.8, 0.5, 0.1]})

    random, curve = figure.axes[1].get_lines()
    assert random.get_ydata().tolist() == [0.75, 0.75]
    assert curve.get_xydata().tolist() == [
        [0, 1],
        [1 / 3, 1],
        [2 / 3, 1],
        [2 / 3, 2 / 3],
        [1, 0.75],
    ]
    legend = figure.axes[1].get_legend().get_texts()[0].get_text()
    assert legend == "model (average 0.917)"  # (1 + 1 + 3/4) / 3


def test_lift_is_how_many_times_as_many_as_at_random() -> None:
    figure = gain_curves([1, 0, 0, 0], {"model": [0.9, 0.5, 0.4, 0.1]})

    gain, lift, away = (axes.get_lines()[1].get_xydata().tolist() for axes in figure.axes)
    assert gain == [[0, 0], [0.25, 1], [0.5, 1], [0.75, 1], [1, 1]]
    assert lift == [[0.25, 4], [0.5, 2], [0.75, 4 / 3], [1, 1]]
    assert np.allclose(away, [[1, 1], [0.75, 1], [0.5, 2 / 3], [0.25, 1 / 3], [0, 0]])


def test_equal_scores_have_no_lift_to_show() -> None:
    figure = gain_curves(LABEL, {"flat": np.full(300, 0.5)})

    assert figure.axes[1].get_lines()[1].get_xydata().tolist() == [[1, 1]]
