from __future__ import annotations

import io

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segmentation.lifecycle import STAGES
from segmentation.lifecycle_plots import stage_flow
from segmentation.transitions import flow


def stage_of(*stages: str) -> pd.DataFrame:
    ids = [f"c{number}" for number in range(len(stages))]
    return pd.DataFrame({"customer_id": ids, "lifecycle_stage": list(stages)}, dtype=object)


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_every_stage_has_its_bar_and_every_move_its_number() -> None:
    counts = flow(stage_of("active", "active"), stage_of("active", "at_risk", "new"))

    figure = stage_flow(counts)

    sizes, moves = figure.axes
    assert [bar.get_width() for bar in sizes.patches if isinstance(bar, Rectangle)] == [
        0,
        1,
        1,
        0,
        1,
        0,
        0,
    ]
    assert [text.get_text() for text in sizes.get_yticklabels()] == [
        stage.replace("_", " ") for stage in STAGES
    ]
    assert sorted(text.get_text() for text in moves.texts) == ["1", "1", "1"]
    assert moves.get_yticklabels()[-1].get_text() == "not there"
    assert png(figure) == png(stage_flow(counts))


def test_an_empty_shop_is_drawn_too() -> None:
    figure = stage_flow(flow(stage_of(), stage_of()))

    assert png(figure)
    assert len(figure.axes[1].get_yticklabels()) == len(STAGES)
