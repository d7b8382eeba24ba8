from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.clock import to_us
from ingest.lake import connect
from models.candidates import CandidateParams
from models.content import Content
from models.registered import WINDOW
from pipelines.recommender_windows import earlier_windows, window_of
from tests.pipelines.test_train_recommender import AS_OF, DAYS, write_lake

EVERYBODY = np.array([f"w{number:02}" for number in range(60)])
BEGINS = AS_OF - timedelta(days=DAYS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Path:
    folder = with_mlflow(tmp_path_factory.mktemp("windows"))
    write_lake(folder)
    return folder


def test_the_test_comes_first_then_up_to_three_windows_that_teach(home: Path) -> None:
    with connect(home) as lake:
        windows = earlier_windows(lake, EVERYBODY, AS_OF)

    assert [AS_OF - each.before for each in windows] == [number * WINDOW for number in (1, 2, 3, 4)]


def test_a_short_history_teaches_with_fewer_windows(home: Path) -> None:
    with connect(home) as lake:
        windows = earlier_windows(lake, EVERYBODY, BEGINS + 2 * WINDOW + timedelta(days=10))

    assert len(windows) == 2


def test_a_window_knows_nothing_of_what_came_after_it(home: Path) -> None:
    start = AS_OF - 2 * WINDOW
    with connect(home) as lake:
        window = window_of(lake, EVERYBODY, start, until=WINDOW)
        later = window_of(lake, EVERYBODY, AS_OF)
        models = window.models(CandidateParams(), Content(later.assortment))
        until = "CREATE TEMP TABLE until AS SELECT * FROM items WHERE ts_us < $1"
        lake.execute(until, [to_us(start)])
        lake.execute("CREATE OR REPLACE TEMP VIEW items AS SELECT * FROM until")
        cut = window_of(lake, EVERYBODY, start)
        again = cut.models(CandidateParams(), Content(later.assortment))

    assert window.purchases.times.nnz == cut.purchases.times.nnz < later.purchases.times.nnz
    for name, array in window.assortment.arrays.items():
        assert np.array_equal(array, cut.assortment.arrays[name], equal_nan=array.dtype.kind == "f")
    for one, other in zip(models, again, strict=True):
        ranked = [each.rank(cut.purchases, 10, "new") for each in (one, other)]
        assert np.array_equal(ranked[0].ids, ranked[1].ids), one.name
