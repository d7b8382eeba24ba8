from __future__ import annotations

import io

import numpy as np
import pytest

from models.value_plots import spend_curves


@pytest.mark.parametrize("customers", [4, 200])
def test_draws_a_line_per_model_and_the_best_there_is(customers: int) -> None:
    random = np.random.default_rng(7)
    spend = random.gamma(0.5, 1_000, customers)
    expected = {name: spend * random.random(customers) for name in ("value", "rfm")}

    figure = spend_curves(spend, expected)

    share, level = figure.axes
    assert [text.get_text() for text in share.get_legend().get_texts()] == [
        "value",
        "rfm",
        "the best there is",
    ]
    assert len(level.lines[1].get_xdata()) == min(customers, 10)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
