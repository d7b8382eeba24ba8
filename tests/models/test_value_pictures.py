from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from models.bg_nbd import BgNbd, Orders
from models.value_pictures import (
    alive_map,
    came_by_group,
    inequality,
    lorenz_curves,
    quadrants,
    spend_tenths,
    value_and_risk,
    value_tenths,
)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.parametrize("a", [0.0, 0.8])
def test_the_map_shows_customers_who_came_back_and_even_odds_where_there_are(a: float) -> None:
    random = np.random.default_rng(7)
    age = random.uniform(100, 300, 200)
    repeats = random.poisson(4, 200).astype(float)
    orders = Orders(repeats, np.where(repeats > 0, age * random.random(200), 0), age)

    figure = alive_map(BgNbd(r=0.8, alpha=20.0, a=a, b=2.0), orders, days=90)

    alive = figure.axes[0]
    dots = alive.collections[1]
    assert len(np.asarray(dots.get_offsets())) == (repeats > 0).sum()
    assert len(alive.collections) == (3 if a else 2)  # without drop-outs nobody is gone
    assert png(figure).startswith(b"\x89PNG")


def test_what_came_stands_beside_what_was_expected_of_each_group() -> None:
    came, of = np.array([0.0, 2.0, 5.0, 7.0]), np.array([0, 0, 1, 1])

    figure = came_by_group(["one", "more"], of, came, {"model": came + 1, "rule": came}, by="x")

    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [1, 6]
    lines = {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in axes.lines}
    assert lines["model"] == [2, 7]
    assert lines["rule"] == [1, 6]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["one\n2", "more\n2"]
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("customers", [4, 200])
def test_tenths_say_how_many_are_below_within_and_above(customers: int) -> None:
    expected = np.arange(1.0, customers + 1)
    spend = np.where(np.arange(customers) % 2, expected * 3, expected)

    figure = spend_tenths(spend, expected, expected / 2, expected * 2)

    tenths = min(customers, 10)
    held = [bar.get_height() for bar in figure.axes[1].patches]
    below, above = held[:tenths], held[2 * tenths :]
    assert below == [0] * tenths
    assert sum(above) / tenths == pytest.approx(0.5)
    assert png(figure).startswith(b"\x89PNG")


def test_total_value_is_what_was_and_what_comes() -> None:
    figure = value_tenths(np.arange(20.0), np.full(20, 5.0))

    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights[:10] == [18.5 - 2 * tenth for tenth in range(10)]
    assert heights[10:] == [5] * 10
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([5, 5, 5, 5], 0.0, id="all-the-same"),
        pytest.param([0, 0, 0, 8], 0.75, id="one-holds-all"),
        pytest.param([1, 2, 3], 2 / 9, id="by-hand"),
        pytest.param([-4, 0, 0, 8], 0.75, id="a-debt-counts-as-nothing"),
        pytest.param([0, 0], 0.0, id="nobody-holds-anything"),
    ],
)
def test_inequality_is_the_gini_coefficient(values: list[float], expected: float) -> None:
    assert inequality(np.array(values, dtype=float)) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.floats(0.01, 100))
def test_inequality_knows_no_currency(values: list[float], rate: float) -> None:
    held = np.array(values)

    assert 0 <= inequality(held) + 1e-9 <= 1
    assert inequality(held * rate) == pytest.approx(inequality(held), abs=1e-6)


def test_lorenz_names_the_gini_of_each_curve() -> None:
    figure = lorenz_curves({"predicted": np.array([1.0, 1.0]), "historic": np.array([0.0, 4.0])})

    legend = figure.axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["predicted (Gini 0.00)", "historic (Gini 0.50)"]
    assert png(figure).startswith(b"\x89PNG")


def test_quadrants_hold_everybody_once_and_the_picture_says_how_many() -> None:
    value, risk = np.array([100.0, 90.0, 5.0, 0.0]), np.array([0.1, 0.6, 0.5, 0.2])

    table = quadrants(value, risk, rich=90.0, gone=0.5)
    figure = value_and_risk(value, risk, rich=90.0, gone=0.5)

    assert table["customers"].tolist() == [1, 1, 1, 1]
    assert table["value"].tolist() == [100, 90, 0, 5]
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "the best, staying: 1",
        "the best, at risk: 1",
        "the others, staying: 1",
        "the others, at risk: 1",
    ]
    assert png(figure).startswith(b"\x89PNG")
