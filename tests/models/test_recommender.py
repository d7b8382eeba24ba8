"""What every recommender keeps to, and what the registered one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, MissingColumnsError
from models.als import Als, AlsParams
from models.artefact import load_model, save_model
from models.assortment import Assortment
from models.frequency import Frequency
from models.interactions import Purchases
from models.popularity import Popularity
from models.ranking import Filled, Ranker
from models.recommender import Recommender
from profiles.snapshot import BUY_AGAIN, NEW_FOR_YOU, Pick
from tests.models.corner_shop import NOBODY, assortment, purchases

ONCE = AlsParams(factors=2, regularisation=0.1, alpha=5.0, iterations=10)


FOUR = purchases((3, 1, 0, 1, 0, 0), (1, 1, 2, 0, 0, 0), (0, 0, 1, 0, 5, 1), (0, 0, 0, 2, 7, 1))


def als_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Filled(Als.fit(bought, stock, ONCE, seed=7), Popularity(stock))


def personal_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Filled(Frequency(stock), Popularity(stock))


def registered_of(stock: Assortment, bought: Purchases) -> Ranker:
    return Recommender(stock, Als.fit(bought, stock, ONCE, seed=7))


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


def test_picks_say_why_and_every_reason_is_true() -> None:
    recommender = Recommender(assortment(), Als.fit(FOUR, assortment(), ONCE, seed=7))

    lists = list(recommender.picks(purchases((3, 1, 0, 1, 0, 0), (0, 0, 0, 0, 0, 0)), 5))

    assert [(each.product_id, each.reason) for each in lists[0][BUY_AGAIN]] == [
        ("bread", "You bought this 3 times"),
        ("eggs", "You bought this once"),
    ]
    assert lists[0][NEW_FOR_YOU][0].source == "als"
    assert "milk" in {each.product_id for each in lists[0][NEW_FOR_YOU]}
    assert lists[1][BUY_AGAIN] == []
    assert lists[1][NEW_FOR_YOU][0] == Pick("bread", 4.4545, "popularity", "Popular this month")
    assert lists[1][NEW_FOR_YOU][-1].reason == "Popular with our customers"  # wine: nobody lately


def test_without_als_new_products_are_the_popular_ones() -> None:
    recommender = Recommender(assortment())

    (lists,) = recommender.picks(purchases((3, 0, 0, 0, 0, 0)), 2)

    assert recommender.discovery == "popularity"
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


@pytest.mark.parametrize("with_als", [True, False])
def test_a_saved_recommender_answers_the_same(tmp_path: Path, *, with_als: bool) -> None:
    als = Als.fit(FOUR, assortment(), ONCE, seed=7) if with_als else None
    recommender = Recommender(assortment(), als)
    save_model(recommender, tmp_path / "model", meta={"name": "recommender"})

    loaded = load_model(tmp_path / "model")

    assert isinstance(loaded, Recommender)
    assert list(loaded.picks(FOUR, 5)) == list(recommender.picks(FOUR, 5))
    asked = pd.DataFrame({"bought": [["bread", "bread", "eggs"], [], ["unheard of"]]})
    answers = loaded.predict(asked)
    assert answers.tolist() == recommender.predict(asked).tolist()
    assert "bread" not in answers[0]
    assert answers[1][:2] == ["bread", "eggs"]


def test_another_instant_brings_its_own_sales() -> None:
    later = replace(assortment(), sold=np.array([0, 0, 0, 0, 0, 8], dtype=np.float32))

    moved = Recommender(assortment(), Als.fit(FOUR, assortment(), ONCE, seed=7)).at(later)

    assert moved.discovery == "als"
    assert moved.popular(1)[0].product_id == "wine"


def test_a_damaged_folder_is_a_clear_error(tmp_path: Path) -> None:
    Recommender(assortment(), Als.fit(FOUR, assortment(), ONCE, seed=7)).save(tmp_path)
    (tmp_path / "factors.npz").write_bytes(b"garbage")

    with pytest.raises(DataError, match="sendwise train recommender"):
        Recommender.load(tmp_path)


def test_prediction_names_the_missing_column() -> None:
    with pytest.raises(MissingColumnsError, match="bought"):
        Recommender(assortment()).predict(pd.DataFrame({"other": [1]}))
