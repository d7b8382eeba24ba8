from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from models.top_share import top_share, top_share_curves

ORDERED = [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]


def test_counts_hits_waste_and_misses_of_the_best_scored() -> None:
    got = top_share(ORDERED, SCORES, [0.0, 0.3, 1.0])

    assert got["sends"].tolist() == [0, 3, 10]
    assert got["ordered"].tolist() == [0, 2, 3]
    assert got["wasted"].tolist() == [0, 1, 7]
    assert got["missed"].tolist() == [3, 1, 0]


def test_equal_scores_are_drawn_at_random_among_themselves() -> None:
    tied = [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]  # three of the first four ordered

    assert top_share(ORDERED, tied, [0.2, 0.4])["ordered"].tolist() == [1.5, 3]
    assert top_share(ORDERED, [0] * 10, [0.5])["ordered"].tolist() == [1.5]


@given(
    labels=st.lists(st.integers(0, 1), min_size=1, max_size=50),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_every_send_is_a_hit_or_waste_and_every_order_a_hit_or_missed(
    labels: list[int], share: float, seed: int
) -> None:
    score = np.random.default_rng(seed).integers(0, 4, len(labels))

    row = top_share(labels, score, [share]).iloc[0]

    assert row["ordered"] + row["wasted"] == pytest.approx(row["sends"])
    assert row["ordered"] + row["missed"] == pytest.approx(sum(labels))
    assert min(row[["ordered", "wasted", "missed"]]) >= -1e-9


@pytest.mark.parametrize(
    ("label", "score", "share", "message"),
    [
        pytest.param([1, 0], [0.5], 0.1, "as many", id="lengths"),
        pytest.param([], [], 0.1, "as many", id="nobody"),
        pytest.param([1, 0], [0.5, 0.1], 10, "from 0 to 1", id="percent"),
    ],
)
def test_says_what_it_cannot_count(
    label: list[int], score: list[float], share: float, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        top_share(label, score, [share])


def test_the_picture_marks_the_chosen_share_and_shows_mailing_at_random() -> None:
    figure = top_share_curves(ORDERED, {"model": SCORES, "rfm sum": [1] * 10}, 0.3)

    wasted, missed = figure.axes
    names = [text.get_text() for text in missed.get_legend().get_texts()]
    assert names == ["at random", "model", "rfm sum"]
    assert [text.get_text() for axes in (wasted, missed) for text in axes.texts] == ["1 at 30%"] * 2
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
