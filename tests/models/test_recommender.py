"""What every recommender keeps to, and what the registered one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from core.errors import DataError, MissingColumnsError
from models.als import Als, AlsParams
from models.artefact import load_model, save_model
from models.assortment import Assortment
from models.candidates import CandidateParams, fit_candidates
from models.frequency import Frequency
from models.hybrid import Hybrid
from models.interactions import Purchases
from models.popularity import Popularity
from models.ranking import Filled, Ranker
from models.recommender import Recommender
from models.teaching import HybridParams, Lesson, teach
from profiles.snapshot import BUY_AGAIN, NEW_FOR_YOU, Pick
from tests.models.corner_shop import NOBODY, assortment, purchases

ONCE = AlsParams(factors=2, regularisation=0.1, alpha=5.0, iterations=10)


FOUR = purchases((3, 1, 0, 1, 0, 0), (1, 1, 2, 0, 0, 0), (0, 0, 1, 0, 5, 1), (0, 0, 0, 2, 7, 1))


def hybrid_of(stock: Assortment, bought: Purchases) -> Hybrid:
    """A hybrid that was taught that everybody buys all of the first four products."""
    models = fit_candidates(bought, stock, CandidateParams(als=ONCE), orders=FOUR.times, seed=7)
    after = sparse.csr_matrix(np.tile([1, 1, 1, 1, 0, 0], (len(bought), 1)).astype(np.float32))
    lesson = Lesson(rankers=models, assortment=stock, purchases=bought, targets=after)
    few = HybridParams(trees=3)
    return Hybrid.fit(teach([lesson], few, seed=7), models, stock, few, seed=7)


def als_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Filled(Als.fit(bought, stock, ONCE, seed=7), Popularity(stock))


def personal_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Filled(Frequency(stock), Popularity(stock))


def registered_of(stock: Assortment, bought: Purchases) -> Ranker:
    hybrid = hybrid_of(assortment(), FOUR)
    return Recommender(stock, hybrid.at(stock))


def popularity_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Popularity(stock)


Build = Callable[[Assortment, Purchases], Ranker]
EVERY = pytest.mark.parametrize("build", [popularity_of, personal_of, als_of, registered_of])


@EVERY
def test_an_unknown_customer_gets_what_is_popular(build: Build) -> None:
    ranker = build(assortment(), FOUR)

    for scope in ("all", "new"):
        assert ranker.rank(NOBODY, 3, scope).ids.tolist() == [[0, 1, 2]]


@EVERY
def test_new_products_were_never_bought_and_own_ones_were(build: Build) -> None:
    ranker = build(assortment(), FOUR)

    new = ranker.rank(FOUR, 6, "new").ids
    again = ranker.rank(FOUR, 6, "repeat").ids

    for row, times in enumerate(FOUR.times.toarray()):
        assert all(times[at] == 0 for at in new[row] if at >= 0)
        assert all(times[at] > 0 for at in again[row] if at >= 0)


@EVERY
def test_lists_hold_all_that_is_allowed_and_nothing_twice(build: Build) -> None:
    ranked = build(assortment(), FOUR).rank(FOUR, 50, "all")

    for ids, scores in zip(ranked.ids, ranked.scores, strict=True):
        assert sorted(ids[:5]) == [0, 1, 2, 4, 5]
        assert set(ids[5:]) == {-1}
        assert (scores[:5] > 0).all()


@EVERY
def test_one_product_and_one_customer_are_enough_to_answer(build: Build) -> None:
    stock = assortment((3,))
    ranker = build(stock, purchases((1,), (2,)))

    assert ranker.rank(purchases((1,)), 2, "new").ids.tolist() == [[-1, -1]]
    assert ranker.rank(purchases((0,)), 2, "new").ids.tolist() == [[0, -1]]
    assert ranker.rank(purchases((4,)), 2, "repeat").ids.tolist() == [[0, -1]]


@EVERY
def test_no_customers_give_no_lists(build: Build) -> None:
    ranker = build(assortment(), FOUR)

    assert ranker.rank(FOUR.rows(slice(0, 0)), 3, "all").ids.shape == (0, 3)


@EVERY
def test_what_was_sent_back_is_in_no_list_of_the_customers_own(build: Build) -> None:
    ranker = build(assortment(), FOUR)
    kept = purchases((0, 1, 0, 0, 0, 0))
    returned = replace(kept, ever=purchases((1, 1, 0, 0, 0, 0)).times)

    assert 0 in ranker.rank(kept, 6, "new").ids
    assert 0 not in ranker.rank(returned, 6, "new").ids
    assert 0 not in ranker.rank(returned, 6, "repeat").ids


def test_a_part_that_was_kept_was_bought_once() -> None:
    lists = next(iter(Recommender(assortment()).picks(purchases((0.25, 0, 0, 0, 0, 0)), 5)))

    assert [each.reason for each in lists[BUY_AGAIN]] == ["You bought this once"]


def test_picks_say_who_chose_them_and_why() -> None:
    recommender = Recommender(assortment(), hybrid_of(assortment(), FOUR))

    lists = list(recommender.picks(purchases((3, 1, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0)), 5))

    again = lists[0][BUY_AGAIN]
    assert {(each.product_id, each.reason) for each in again} == {
        ("bread", "You bought this 3 times"),
        ("eggs", "You bought this once"),
    }
    assert {each.source for each in again} == {"hybrid"}
    assert {each.product_id for each in lists[0][NEW_FOR_YOU]} == {"milk", "tea", "wine"}
    models = {"fading", "item-knn", "ease", "als", "together", "popularity"}
    assert {each.source for each in lists[0][NEW_FOR_YOU]} <= models
    assert lists[1][BUY_AGAIN] == []
    assert lists[1][NEW_FOR_YOU][0].reason == "Popular this month"


def test_rules_choose_what_is_popular_and_say_so() -> None:
    (lists,) = Recommender(assortment()).picks(NOBODY, 5)

    assert lists[NEW_FOR_YOU][0] == Pick("bread", 4.4545, "popularity", "Popular this month")
    assert lists[NEW_FOR_YOU][-1].reason == "From our shelves"  # wine: sold once


def test_by_rules_new_products_are_the_popular_ones() -> None:
    recommender = Recommender(assortment())

    (lists,) = recommender.picks(purchases((3, 0, 0, 0, 0, 0)), 2)

    assert [each.product_id for each in lists[NEW_FOR_YOU]] == ["eggs", "milk"]


def test_popular_with_a_group_starts_with_its_own() -> None:
    recommender = Recommender(assortment())

    got = recommender.popular(4, among=np.array([0, 1, 0, 50, 9, 6], dtype=np.float32))

    assert [each.product_id for each in got] == ["tea", "wine", "bread", "eggs"]
    assert [each.reason for each in got[1:3]] == [
        "Popular this month with customers like you",
        "Popular this month",
    ]
    assert [each.product_id for each in recommender.popular(2)] == ["bread", "eggs"]


@pytest.mark.parametrize("with_hybrid", [True, False])
def test_a_saved_recommender_answers_the_same(tmp_path: Path, *, with_hybrid: bool) -> None:
    hybrid = hybrid_of(assortment(), FOUR) if with_hybrid else None
    recommender = Recommender(assortment(), hybrid)
    save_model(recommender, tmp_path / "model", meta={"name": "recommender"})

    loaded = load_model(tmp_path / "model")

    assert isinstance(loaded, Recommender)
    assert list(loaded.picks(FOUR, 5)) == list(recommender.picks(FOUR, 5))
    asked = pd.DataFrame({"bought": [["bread", "bread", "eggs"], [], ["unheard of"]]})
    answers = loaded.predict(asked)
    assert answers.tolist() == recommender.predict(asked).tolist()
    assert "bread" not in answers[0]
    assert answers[1][0] == "bread"


def test_another_instant_brings_its_own_sales() -> None:
    later = replace(assortment(), sold=np.array([0, 0, 0, 0, 0, 8], dtype=np.float32))

    moved = Recommender(assortment(), hybrid_of(assortment(), FOUR)).at(later)

    assert moved.hybrid is not None
    assert moved.popular(1)[0].product_id == "wine"


@pytest.mark.parametrize(
    "file", ["als.npz", "ease.npz", "ranker.txt", "hybrid.json", "candidates.json"]
)
def test_a_damaged_folder_is_a_clear_error(tmp_path: Path, file: str) -> None:
    Recommender(assortment(), hybrid_of(assortment(), FOUR)).save(tmp_path)
    (tmp_path / file).write_bytes(b"garbage")

    with pytest.raises(DataError, match="sendwise train recommender"):
        Recommender.load(tmp_path)


def test_prediction_names_the_missing_column() -> None:
    with pytest.raises(MissingColumnsError, match="bought"):
        Recommender(assortment()).predict(pd.DataFrame({"other": [1]}))
