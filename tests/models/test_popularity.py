from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.popularity import Popularity, popularity
from tests.models.corner_shop import NOBODY, PRODUCTS, assortment, purchases


def test_popularity_is_of_this_month_and_then_of_ever() -> None:
    got = Popularity(assortment((0, 0, 5, 0, 5, 0))).rank(NOBODY, 6, "all")

    assert [PRODUCTS[at] for at in got.ids[0][:2]] == ["milk", "tea"]
    assert sorted(PRODUCTS[at] for at in got.ids[0][2:5]) == ["bread", "eggs", "wine"]


def test_the_score_is_this_months_orders_and_less_than_one_for_ever() -> None:
    score = popularity(assortment((4, 3, 2, 9, 1, 0)))

    assert np.floor(score).tolist() == [4, 3, 2, 9, 1, 0]
    assert score[0] == 4 + 5 / 11  # five orders ever, ten of the best seller


def test_what_was_bought_is_passed_over_one_by_one() -> None:
    ranker = Popularity(assortment())
    bought = purchases((1, 0, 1, 0, 0, 0), (0, 0, 0, 0, 0, 0), (1, 1, 1, 1, 1, 1))

    assert ranker.rank(bought, 2, "new").ids.tolist() == [[1, 4], [0, 1], [-1, -1]]
    assert ranker.rank(bought, 3, "repeat").ids.tolist() == [[0, 2, -1], [-1, -1, -1], [0, 1, 2]]


def test_what_never_sold_has_no_place() -> None:
    stock = replace(assortment((0, 0, 5, 0, 0, 0)), sold_ever=np.array([0, 0, 5, 0, 0, 0.0]))

    assert Popularity(stock).rank(NOBODY, 3, "all").ids.tolist() == [[2, -1, -1]]


def test_many_customers_get_what_each_alone_would(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    many = purchases(*random.integers(0, 2, (25, 6)).tolist())
    alone = Popularity(assortment()).rank(many, 3, "new")

    monkeypatch.setattr("models.popularity._BLOCK", 4)

    assert Popularity(assortment()).rank(many, 3, "new").ids.tolist() == alone.ids.tolist()
