from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import NotEnoughDataError
from models.assortment import Assortment
from models.frequency import Frequency
from models.hybrid import Hybrid, HybridParams, Lesson, chances
from models.interactions import Purchases
from models.pairs import pairs_of
from models.popularity import Popularity

PARAMS = HybridParams(trees=20, candidates=30)
CUSTOMERS, PRODUCTS = 300, 30


def stock() -> Assortment:
    sold = np.arange(PRODUCTS, 0, -1).astype(np.float32)
    return Assortment(
        product_ids=np.array([f"p{number:02}" for number in range(PRODUCTS)]),
        allowed=np.ones(PRODUCTS, bool),
        sold=sold,
        sold_ever=sold,
    )


def lesson(seed: int = 3) -> Lesson:
    """What was bought twice is bought again, what was bought once or thrice is not."""
    times = np.random.default_rng(seed).choice([0, 1, 2, 3], (CUSTOMERS, PRODUCTS)).astype("f4")
    cells = sparse.csr_matrix(times)
    return Lesson(
        rankers=[Frequency(stock()), Popularity(stock())],
        assortment=stock(),
        purchases=Purchases(times=cells, recent=cells, ever=cells.sign()),
        targets=sparse.csr_matrix((times == 2).astype(np.float32)),
    )


def fitted(params: HybridParams = PARAMS) -> Hybrid:
    taught = lesson()
    return Hybrid.fit([taught], taught.rankers, stock(), params, seed=7)


def test_it_finds_a_rule_that_none_of_its_models_knows() -> None:
    unseen = lesson(seed=4).purchases

    ranked = fitted().rank(unseen, 5, "repeat")

    times = np.take_along_axis(unseen.times.toarray(), ranked.ids, axis=1)
    assert (times == 2).mean() > 0.9  # one in three by chance


def test_the_same_input_and_seed_give_the_same_trees() -> None:
    assert fitted().booster.model_to_string() == fitted().booster.model_to_string()


def test_it_learns_from_no_more_customers_than_it_is_told_to() -> None:
    few, all_of_them = fitted(HybridParams(trees=3, customers=3)), fitted()

    def seen(model: Hybrid) -> int:
        return int(model.booster.dump_model()["tree_info"][0]["tree_structure"]["internal_count"])

    assert seen(few) <= 3 * PRODUCTS < seen(all_of_them)


def test_all_that_was_bought_teaches_and_a_share_of_the_rest() -> None:
    taught = lesson()

    def seen(unbought: float) -> int:
        params = HybridParams(trees=1, candidates=30, unbought=unbought)
        root = fitted(params).booster.dump_model()["tree_info"][0]["tree_structure"]
        return int(root["internal_count"])

    bought, pairs = int(taught.targets.nnz), int(taught.purchases.times.shape[0] * PRODUCTS)
    assert seen(1.0) == pytest.approx(0.8 * pairs, rel=0.01)  # the booster bags four fifths
    assert seen(0.5) == pytest.approx(0.8 * (bought + 0.5 * (pairs - bought)), rel=0.02)


def test_only_candidates_are_ranked_and_each_has_a_model_that_had_it_highest() -> None:
    model = fitted(HybridParams(trees=5, candidates=2))

    chosen = model.chosen(lesson().purchases, 30, ["all"])["all"]

    listed = chosen.ranked.ids >= 0
    assert 2 < listed.sum(axis=1).max() <= 8  # two of two models, of the bought and of the others
    assert (chosen.ranked.scores[listed] > 0).all()
    assert (chosen.by >= 0).tolist() == listed.tolist()
    assert {*chosen.by[listed].tolist()} == {0, 1}


def test_without_a_purchase_after_there_is_nothing_to_learn_from() -> None:
    taught = lesson()
    nothing = Lesson(
        rankers=taught.rankers,
        assortment=taught.assortment,
        purchases=taught.purchases,
        targets=sparse.csr_matrix(taught.targets.shape, dtype=np.float32),
    )

    with pytest.raises(NotEnoughDataError, match="nothing to learn from"):
        Hybrid.fit([nothing], nothing.rankers, stock(), PARAMS, seed=7)


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
