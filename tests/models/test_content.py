from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.content import Content
from tests.models.corner_shop import assortment, purchases

TEXTS = (
    "rye bread food/bakery food bakery price:8",
    "rye rolls food/bakery food bakery price:8",
    "whole milk food/dairy food dairy price:7",
    "diesel",
    "green tea drinks price:8",
    "red wine drinks price:10",
)
BREAD = purchases((1, 0, 0, 0, 0, 0))


def model() -> Content:
    return Content(replace(assortment(), text=np.array(TEXTS)))


def test_what_has_more_rare_words_in_common_comes_first() -> None:
    assert model().rank(BREAD, 3, "new").ids.tolist()[0][:2] == [1, 2]


def test_texts_without_a_word_in_common_are_not_alike() -> None:
    assert model().similarity[0, 3] == 0


def test_a_product_added_today_has_its_place_though_nobody_bought_it() -> None:
    stock = replace(assortment((4, 3, 2, 9, 1)), text=np.array(TEXTS[:5]))
    before = Content(stock)
    added = replace(assortment(), text=np.array([*TEXTS[:5], TEXTS[0]]))

    assert 5 not in before.rank(purchases((1, 0, 0, 0, 0)), 5, "new").ids
    assert before.at(added).rank(BREAD, 1, "new").ids.tolist() == [[5]]


@pytest.mark.parametrize("texts", [None, ("",) * 6, ("a", "b", "c", "d", "e", "f")])
def test_a_catalogue_of_no_or_strange_texts_gives_nothing(texts: tuple[str, ...] | None) -> None:
    text = None if texts is None else np.array(texts)

    assert Content(replace(assortment(), text=text)).similarity.nnz == 0
