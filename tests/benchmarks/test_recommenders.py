from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recommenders import BARS, Round, measure, run, speed
from models.evaluation import Quality
from models.exposure import Exposure
from pipelines.recommender_rivals import Measured
from tests.pipelines.test_train_recommender import AS_OF, write_lake


def of(*ndcg: float) -> Quality:
    values = np.array(ndcg)
    return Quality(20, np.arange(len(values)), values / 2, values, values, values, values)


def test_a_window_of_a_workspace_is_measured_by_everybody(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    home = with_mlflow(tmp_path)
    write_lake(home)

    found = measure(home, AS_OF - timedelta(days=30), timedelta(days=30), trials=1)

    assert found.seconds > 0
    assert found.best("new") not in ("hybrid", "frequency-popularity")
    assert found.gain("popularity", "new").low > 0  # two tribes
    assert all(value > 0 for value in speed(found).values())


def test_gains_are_paired_and_the_best_is_a_single_model() -> None:
    ndcg = {
        "hybrid": of(0.4, 0.6, 0.5),
        "frequency-popularity": of(0.9, 0.9, 0.9),
        "als": of(0.3, 0.5, 0.4),
        "ease": of(0.1, 0.1, 0.1),
    }
    shown = Exposure(1.0, 0.0, 0.0, 0.0)
    results = {name: Measured({"all": one}, shown) for name, one in ndcg.items()}
    found = Round(results, 1.0, None, None)  # type: ignore[arg-type]

    assert found.best("all") == "als"
    assert found.gain("als", "all").low == pytest.approx(0.1)
    assert found.mean("als", "all", "recall") == pytest.approx(0.2)


def test_what_was_not_taken_says_why(tmp_path: Path) -> None:
    figures = run(tmp_path, tmp_path, ("retail", "gowalla"), trials=0)

    assert [each.name for each in figures] == [each.name for each in BARS]
    assert {each.value for each in figures} == {None}
    assert {each.reason for each in figures} == {"not asked for, or its data are not in --data"}
