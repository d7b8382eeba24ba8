from __future__ import annotations

import numpy as np
import pytest

from core.clock import DAY
from models import value_tuning
from models.gate import Interval
from models.value_tuning import fit_value
from tests.models.shoppers import LAST, shoppers

HORIZON = 90 * DAY


def test_one_cut_off_gives_nothing_to_choose_by() -> None:
    got = fit_value(
        shoppers(150, cutoffs=(LAST,)),
        now=shoppers(150, cutoffs=(LAST + 90,)),
        horizon=HORIZON,
        seed=7,
    )

    assert got.model.share == 0.5
    assert "no earlier cut-off" in got.notes[0]


@pytest.mark.parametrize(
    ("low", "share", "says"),
    [
        pytest.param(0.01, 1.0, "trees alone: beat the mean", id="one-side-wins-for-sure"),
        pytest.param(-0.01, 0.5, "the mean of trees", id="not-for-sure"),
    ],
)
def test_the_mean_stays_unless_one_side_beats_it_for_sure(
    low: float, share: float, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []

    def told(candidate: np.ndarray, baseline: np.ndarray, **_: object) -> Interval:
        judged.append(len(candidate))
        return Interval(0.02, low, 0.03)

    monkeypatch.setattr(value_tuning, "paired_bootstrap", told)
    frame = shoppers(150)

    got = fit_value(frame, now=shoppers(150, cutoffs=(LAST + 90,)), horizon=HORIZON, seed=7)

    assert got.model.share == share
    assert got.notes[0].startswith(says)
    assert set(judged) == {int((frame["cutoff_us"] == frame["cutoff_us"].max()).sum())}
