from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.customer_send_time import BARS, read_in_time, regrets, run, send_time


def test_a_small_shop_gives_every_figure(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    found = send_time(with_mlflow(tmp_path), customers=1_000, days=300)

    assert list(found) == [each.name for each in BARS]
    assert found["send_time_regret_ratio"] < found["send_time_regret_ratio_of_all"] < 1


def test_quick_takes_nothing_and_says_so(tmp_path: Path) -> None:
    figures = run(tmp_path, quick=True)

    assert [each.value for each in figures] == [None] * len(BARS)
    assert all(each.reason for each in figures)


def test_reading_is_likeliest_in_the_hours_around_the_habit_round_the_clock() -> None:
    got = read_in_time(np.array([20.5, 0.5]), np.array([1.0, 0.5]))

    assert got.argmax(axis=1).tolist() == [19, 23]  # 19 to 22, and 23 to 2 round the clock
    assert got[0, 19] == pytest.approx(0.866, abs=1e-3)  # within 1.5 standard deviations
    assert got[0].sum() == pytest.approx(3.0)


def test_regret_is_of_those_with_an_hour_and_of_all() -> None:
    truth = pd.DataFrame({"read_hour": [20.5, 20.5], "read_spread": [0.5, 0.5]})

    got = regrets(np.array([19.0, np.nan]), 8, truth)

    assert got["send_time_regret_ratio"] == pytest.approx(0.0)
    assert got["send_time_regret_ratio_of_all"] == pytest.approx(0.5)
    assert got["send_time_answered"] == 0.5
