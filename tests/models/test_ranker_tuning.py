from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.ranker_tuning import _quality, tune_ranker
from models.teaching import HybridParams, Taught, fit_booster, teach
from tests.models.lessons import PARAMS, lesson


def taught(*seeds: int) -> list[Taught]:
    return teach([lesson(seed) for seed in seeds], PARAMS, seed=7)


def test_trees_too_small_for_the_rule_are_replaced_and_good_ones_stay() -> None:
    blunt = replace(PARAMS, leaves=2, trees=1)  # to tell two from one and three takes two splits

    found = tune_ranker(taught(3, 4), blunt, trials=4, seed=7)
    again = tune_ranker(taught(3, 4), found.params, trials=1, seed=7)

    assert found.gain
    assert found.gain.low > 0
    assert found.params.leaves > blunt.leaves
    assert len(found.scores) == 4
    assert max(found.scores) > found.scores[0]
    assert (again.params, again.gain) == (found.params, None)


def test_a_gain_that_may_be_chance_replaces_nothing() -> None:
    by_chance = taught(3, 4)
    generator = np.random.default_rng(1)
    for one in by_chance:
        generator.shuffle(one.bought)

    found = tune_ranker(by_chance, PARAMS, trials=4, seed=7)

    assert max(found.scores) > found.scores[0]
    assert found.gain
    assert found.gain.low <= 0
    assert found.params == PARAMS


@pytest.mark.parametrize(("seeds", "trials"), [((3,), 5), ((3, 4), 0)], ids=["one", "none"])
def test_without_a_window_to_judge_by_or_trials_nothing_is_tried(
    seeds: tuple[int, ...], trials: int
) -> None:
    found = tune_ranker(taught(*seeds), PARAMS, trials=trials, seed=7)

    assert (found.params, found.scores, found.gain) == (PARAMS, (), None)


def test_older_windows_without_a_purchase_teach_nothing() -> None:
    latest, older = taught(3, 4)
    older.bought[:] = 0

    assert tune_ranker([latest, older], PARAMS, trials=2, seed=7).scores == ()


def test_a_trial_is_judged_by_the_lists_of_repeat_and_of_new_products() -> None:
    # Two customers; who is first by price. Ann's repeat list is right, in her new one the hit is
    # second; Bob bought nothing.
    values = np.array([[9, 1], [8, 1], [7, np.nan], [6, np.nan], [5, 1]], np.float32)
    one = Taught(
        names=("price", "times"),
        values=values,
        bought=np.array([1, 0, 0, 1, 0], np.int8),
        each=np.array([4, 1]),
    )
    many = Taught(
        names=one.names,
        values=np.repeat(np.array([[9, 1], [1, 1]], np.float32), 200, axis=0),
        bought=np.repeat([1, 0], 200).astype(np.int8),
        each=np.array([400]),
    )
    by_price = fit_booster([many], HybridParams(trees=1, leaves=2), seed=7)
    prices = np.asarray(by_price.predict(values))
    assert prices[0] >= prices[1] > prices[-1]

    assert _quality(one, by_price).tolist() == pytest.approx([(1 + 1 / np.log2(3)) / 2])
