from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.ranking_plots import quality_bars, trees_curve, tuning_curve

MEANS = {"als": {"all": 0.2, "new": 0.1}, "popularity": {"all": 0.3, "new": 0.05}}
INTERVALS = {
    "als": {"all": (0.15, 0.27), "new": (0.09, 0.12)},
    "popularity": {"all": (0.31, 0.33), "new": (0.04, 0.06)},  # rounding: a mean may stick out
}


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_a_bar_is_as_high_as_its_mean_and_scopes_stand_in_groups() -> None:
    figure = quality_bars(MEANS, INTERVALS, label="NDCG@20")

    axes = figure.axes[0]
    bars = [patch for patch in axes.patches if patch.get_width() > 0]
    assert [bar.get_height() for bar in bars] == pytest.approx([0.2, 0.1, 0.3, 0.05])
    centres = [bar.get_x() + bar.get_width() / 2 for bar in bars]
    assert centres == pytest.approx([-0.2, 0.8, 0.2, 1.2])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["all items", "new items"]
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["als", "popularity"]
    assert axes.get_ylabel() == "NDCG@20"
    assert png(figure).startswith(b"\x89PNG")


def test_more_models_than_colours_can_be_drawn() -> None:
    many = {f"model {number}": MEANS["als"] for number in range(8)}

    figure = quality_bars(many, dict.fromkeys(many, INTERVALS["als"]), label="recall")

    looks = {(bar.get_facecolor(), bar.get_hatch()) for bar in figure.axes[0].patches}
    assert len(looks) == len(many)
    assert png(figure).startswith(b"\x89PNG")


def test_the_best_so_far_never_falls() -> None:
    figure = tuning_curve([0.1, 0.3, 0.2, 0.4], {"popularity": 0.25}, "NDCG@20")

    trials, best, baseline = figure.axes[0].get_lines()
    assert list(trials.get_ydata()) == [0.1, 0.3, 0.2, 0.4]
    assert list(best.get_ydata()) == [0.1, 0.3, 0.3, 0.4]
    assert set(baseline.get_ydata()) == {0.25}
    assert png(figure).startswith(b"\x89PNG")


def test_no_trial_at_all_still_shows_the_baseline() -> None:
    assert png(tuning_curve([], {"popularity": 0.25}, "recall")).startswith(b"\x89PNG")


def test_pictures_say_what_they_show_and_no_legend_lies_upon_the_bars() -> None:
    bars = quality_bars({"als": {"new": 0.1}}, {"als": {"new": (0.0, 0.2)}}, label="NDCG@20")
    curve = tuning_curve([0.1, 0.2], {"popularity": 0.05}, "NDCG@20")

    assert all(figure.axes[0].get_title(loc="left") for figure in (bars, curve))
    assert bars.axes[0].get_legend() is None
    assert bars.legends


def test_each_scope_has_a_panel_that_ends_at_all_trees_without_a_band() -> None:
    rising = np.array([[0.1, 0.3], [0.2, 0.6], [0.3, 0.5], [0.4, 0.8]])

    figure = trees_curve([10, 20, 30, 40], {"all": rising, "new": rising}, label="NDCG@20", seed=7)

    assert [axes.get_title(loc="left").split(",")[0] for axes in figure.axes] == [
        "all items",
        "new items",
    ]
    axes = figure.axes[0]
    assert "all over the first 30:\n+0.2000" in axes.get_title(loc="left")
    curve = axes.get_lines()[-1]
    assert list(curve.get_ydata()) == pytest.approx([0.2, 0.4, 0.4, 0.6])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[band[:, 0] == 40][:, 1] == pytest.approx(0.6)
    assert band[band[:, 0] == 10][:, 1].min() == pytest.approx(0.1)
    assert band[band[:, 0] == 10][:, 1].max() == pytest.approx(0.3)
    assert png(figure).startswith(b"\x89PNG")


def test_a_shop_too_small_for_a_curve_still_has_its_picture() -> None:
    one = trees_curve([7], {"all": np.array([[0.5]])}, label="NDCG@20", seed=7)

    assert png(one).startswith(b"\x89PNG")
    assert png(trees_curve([7], {}, label="NDCG@20", seed=7)).startswith(b"\x89PNG")
