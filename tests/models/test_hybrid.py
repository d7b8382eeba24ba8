from __future__ import annotations

import numpy as np
import pytest

from models.hybrid import Hybrid, chances
from models.pairs import pairs_of
from models.teaching import HybridParams, teach
from tests.models.lessons import PARAMS, lesson, stock


def fitted(params: HybridParams = PARAMS) -> Hybrid:
    taught = lesson()
    return Hybrid.fit(teach([taught], params, seed=7), taught.rankers, stock(), params, seed=7)


def test_it_finds_a_rule_that_none_of_its_models_knows() -> None:
    unseen = lesson(seed=4).purchases

    ranked = fitted().rank(unseen, 5, "repeat")

    times = np.take_along_axis(unseen.times.toarray(), ranked.ids, axis=1)
    assert (times == 2).mean() > 0.9  # one in three by chance


def test_the_same_input_and_seed_give_the_same_trees() -> None:
    assert fitted().booster.model_to_string() == fitted().booster.model_to_string()


def test_only_candidates_are_ranked_and_each_has_a_model_that_had_it_highest() -> None:
    model = fitted(HybridParams(trees=5, candidates=2))

    chosen = model.chosen(lesson().purchases, 30, ["all"])["all"]

    listed = chosen.ranked.ids >= 0
    assert 2 < listed.sum(axis=1).max() <= 8  # two of two models, of the bought and of the others
    assert (chosen.ranked.scores[listed] > 0).all()
    assert (chosen.by >= 0).tolist() == listed.tolist()
    assert {*chosen.by[listed].tolist()} == {0, 1}


def test_who_is_left_out_at_a_glance_would_not_have_been_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unseen, model = lesson(seed=4).purchases, fitted(HybridParams(trees=40, candidates=30))
    monkeypatch.setattr("models.hybrid._SHORT", 2)  # six of 30 are asked of all trees

    got = model.rank(unseen, 2, "all").scores[:, 0]

    pairs = pairs_of(model.rankers, model.assortment, unseen, 30, "all")
    by_all_trees = chances(np.asarray(model.booster.predict(pairs.values)))
    best = np.maximum.reduceat(by_all_trees, np.unique(pairs.rows, return_index=True)[1])
    assert np.isclose(got, best).mean() > 0.98
    assert (got > best + 1e-6).sum() == 0
