from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.lake import connect
from models.als import AlsParams
from models.candidates import CandidateParams
from models.content import Content
from pipelines.recommender_rivals import ALONE, RULE, fit_hybrid, measured, rankers_of, tune_als
from pipelines.recommender_windows import Window, earlier_windows
from tests.pipelines.test_train_recommender import AS_OF, write_lake

EVERYBODY = np.array([f"w{number:02}" for number in range(60)])


@pytest.fixture(scope="module")
def windows(
    tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]
) -> list[Window]:
    home = with_mlflow(tmp_path_factory.mktemp("rivals"))
    write_lake(home)
    with connect(home) as lake:
        return earlier_windows(lake, EVERYBODY, AS_OF)


def test_everybody_is_measured_on_what_the_first_window_did_not_know(
    windows: list[Window],
) -> None:
    test, content = windows[0], Content(windows[0].assortment)
    models = [each.models(CandidateParams(), content) for each in windows]

    hybrid, _ = fit_hybrid(windows, models)
    results = measured(rankers_of(hybrid, test), test)

    assert [*results][:3] == ["hybrid", RULE, "popularity"]
    assert {*results} >= {each.name for each in models[0]}
    for result in (each.quality for each in results.values()):
        assert all(0 <= one.recall.mean() <= 1 for one in result.values())
    new = {name: result.quality["new"].ndcg.mean() for name, result in results.items()}
    assert new["hybrid"] > new["popularity"]  # it knows the two tribes


def test_tuning_counts_its_trials_and_keeps_the_best(windows: list[Window]) -> None:
    tuned = tune_als(windows[1], 2)

    assert len(tuned.scores) == 2
    assert tuned.params == AlsParams() or tuned.scores[1] > tuned.scores[0]
    assert 0 < tuned.baseline < 1


def test_als_is_tuned_to_stand_by_itself_as_well(windows: list[Window]) -> None:
    tuned = tune_als(windows[1], 2)
    content = Content(windows[0].assortment)
    models = [each.models(CandidateParams(als=tuned.params), content) for each in windows]
    hybrid, _ = fit_hybrid(windows, models)

    alone = AlsParams(factors=4)

    assert ALONE not in rankers_of(hybrid, windows[0], tuned.params)
    assert rankers_of(hybrid, windows[0], alone)[ALONE].params == alone  # type: ignore[attr-defined]


def test_trees_are_tuned_on_the_latest_window_that_teaches(windows: list[Window]) -> None:
    models = [each.models(CandidateParams(), Content(windows[0].assortment)) for each in windows]

    _, untuned = fit_hybrid(windows, models)
    hybrid, tuned = fit_hybrid(windows, models, trials=2)

    assert (untuned.scores, len(tuned.scores)) == ((), 2)
    assert hybrid.params == tuned.params
