from __future__ import annotations

import pytest

from core.errors import NotEnoughDataError
from models.als import AlsParams
from models.candidates import CandidateParams, fit_candidates
from models.content import Content
from tests.models.corner_shop import NOBODY, assortment, purchases

FOUR = purchases((3, 1, 0, 1, 0, 0), (1, 1, 2, 0, 0, 0), (0, 0, 1, 0, 5, 1), (0, 0, 0, 2, 7, 1))
PARAMS = CandidateParams(als=AlsParams(factors=2))
STOCK = assortment()
ALWAYS = ["frequency", "fading", "item-knn", "ease", "als"]


def test_models_are_those_that_there_is_something_for() -> None:
    plain = fit_candidates(FOUR, STOCK, PARAMS, seed=7)
    whole = fit_candidates(FOUR, STOCK, PARAMS, orders=FOUR.times, content=Content(STOCK), seed=7)

    assert [each.name for each in plain] == ALWAYS
    assert [each.name for each in whole] == [*ALWAYS, "together", "content"]


def test_orders_tell_what_goes_together_not_who_bought_it() -> None:
    apart = purchases((1, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0), (1, 0, 1, 0, 0, 0)).times

    *_, together = fit_candidates(FOUR, STOCK, PARAMS, orders=apart, seed=7)

    bread = purchases((1, 0, 0, 0, 0, 0))
    assert together.rank(bread, 3, "new").ids.tolist() == [[2, -1, -1]]  # milk, never eggs


def test_too_few_purchases_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughDataError):
        fit_candidates(NOBODY, STOCK, PARAMS, seed=7)
