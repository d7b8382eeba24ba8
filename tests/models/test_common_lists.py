from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.common_lists import FIRST, NEW_HERE, THIS_WEEK, common_lists
from profiles.profile import Pick
from tests.models.corner_shop import assortment

STOCK = replace(
    assortment((10, 10, 9, 40, 0, 0)),
    sold_ever=np.array([50, 50, 9, 40, 0, 5], np.float32),
    sold_week=np.array([2, 9, 9, 40, 0, 0], np.float32),
    first_days=np.array([300, 300, 6, 5, np.nan, 200], np.float32),
)


def test_each_list_has_its_name_as_source_and_a_reason_for_everybody() -> None:
    got = common_lists(STOCK, 9)

    assert [(each.product_id, each.source, each.reason) for each in got["trending"]] == [
        ("milk", "trending", THIS_WEEK),
        ("eggs", "trending", THIS_WEEK),
    ]  # petrol sells best, and is in no list
    assert got["new_arrivals"] == [
        Pick("milk", 9.0, "new_arrivals", NEW_HERE),
        Pick("tea", 0.25, "new_arrivals", FIRST),
    ]


def test_a_list_has_its_length_and_may_be_empty() -> None:
    assert len(common_lists(STOCK, 1)["trending"]) == 1
    assert common_lists(assortment(), 3) == {"trending": [], "new_arrivals": []}
