from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from models.place_plots import exposure_curves, overlap_heat_maps, source_bars
from models.places import Places


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_a_cell_says_what_two_models_share_and_not_what_each_shares_with_itself() -> None:
    shares = np.array([[1.0, 0.25], [0.25, 1.0]])
    unknown = np.array([[1.0, np.nan], [np.nan, np.nan]])

    figure = overlap_heat_maps(
        {"again": (["als", "ease"], shares), "new": (["als", "none"], unknown)}, n=20
    )

    again, new = figure.axes
    assert [text.get_text() for text in again.texts] == ["25%", "25%"]
    assert not new.texts
    assert [label.get_text() for label in again.get_yticklabels()] == ["als", "ease"]
    assert (again.get_title(loc="left"), new.get_title(loc="left")) == ("again", "new")
    assert png(figure).startswith(b"\x89PNG")


def test_curves_rise_to_all_places_and_are_named_beside_the_axes() -> None:
    own, shop = Places(np.array([1.0, 0, 3])), Places(np.array([5.0, 3, 2]))

    figure = exposure_curves({"hybrid": own, "what was bought": shop})

    first, last = figure.axes[0].get_lines()
    assert list(first.get_ydata()) == pytest.approx([0.25, 0.25, 1])
    assert list(last.get_xdata()) == [1, 2, 3]
    assert figure.axes[0].get_legend() is None
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["hybrid", "what was bought"]
    assert png(figure).startswith(b"\x89PNG")


def test_bars_are_stacked_and_a_source_has_one_colour_in_every_slot() -> None:
    again = pd.DataFrame({"frequency": [0.25, 0.5], "hybrid": [0.75, 0.25]}, index=[1, 2])
    new = pd.DataFrame({"hybrid": [0.5]}, index=[1])

    figure = source_bars({"buy_again": again, "new_for_you": new})

    left, right = figure.axes
    of_hybrid = left.containers[1]
    assert [bar.get_height() for bar in of_hybrid] == [0.75, 0.25]
    assert [bar.get_y() for bar in of_hybrid] == [0.25, 0.5]
    assert of_hybrid[0].get_facecolor() == right.containers[0][0].get_facecolor()
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["frequency", "hybrid"]
    assert png(figure).startswith(b"\x89PNG")
