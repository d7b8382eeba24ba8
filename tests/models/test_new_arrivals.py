from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.assortment import Assortment
from models.new_arrivals import UNKNOWN, UNSOLD, new_arrivals
from tests.models.corner_shop import assortment

NAN = np.nan


def stock(sold: list[int], first: list[float], created: list[float] | None = None) -> Assortment:
    given = replace(
        assortment((0,) * len(sold)),
        sold_ever=np.array(sold, np.float32),
        first_days=np.array(first, np.float32),
    )
    if created is None:
        return given
    return replace(given, created_days=np.array(created, np.float32))


def test_what_was_first_sold_of_late_is_new_the_best_seller_first() -> None:
    got = new_arrivals(stock([9, 2, 5, 0], [400, 3, 29, NAN]))

    assert got.tolist() == [0, 2, 5, UNKNOWN]


def test_the_catalogue_knows_better_than_the_first_order() -> None:
    got = new_arrivals(stock([9, 2, 0, 0], [400, 3, NAN, NAN], [10, 300, 10, 300]))

    assert got.tolist() == [9, 0, UNSOLD, 0]  # bread is new again; eggs sold late, but are old


def test_in_the_first_weeks_of_a_log_not_everything_is_new() -> None:
    got = new_arrivals(stock([4, 4, 4], [20, 19, 2]))

    assert got.tolist() == [0, 0, 4]


def test_without_times_only_what_never_sold_may_be_new() -> None:
    assert new_arrivals(assortment((1, 0))).tolist() == [0, 0]  # both sold once, some time
