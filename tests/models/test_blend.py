from __future__ import annotations

import numpy as np
import pytest

from models.blend import Blend, blended
from models.frequency import Frequency
from models.popularity import Popularity
from tests.models.corner_shop import NOBODY, assortment, purchases

STOCK = assortment()
TWO = purchases((1, 0, 4, 0, 0, 0), (0, 0, 0, 0, 2, 0))


def test_scores_are_in_units_of_each_models_best_for_that_customer() -> None:
    blend = Blend([Frequency(STOCK), Popularity(STOCK)], [1.0, 0.5])

    ranked = blend.rank(TWO, 3, "all")

    # Milk is bought most, at 2.0 and bread at 0.5 decayed orders; bread sells best, at 4.45.
    assert ranked.ids[0].tolist() == [2, 0, 1]
    popular = {0: 4.4545, 1: 3.3636, 2: 2.2727}
    milk, bread = 1 + 0.5 * popular[2] / popular[0], 0.25 + 0.5
    assert ranked.scores[0, :2] == pytest.approx([milk, bread], abs=2e-3)
    assert ranked.ids[1, 0] == 4


def test_a_weight_of_zero_leaves_a_model_out() -> None:
    alone = Popularity(STOCK).rank(TWO, 4, "new").ids

    assert np.array_equal(
        Blend([Popularity(STOCK), Frequency(STOCK)], [1, 0]).rank(TWO, 4, "new").ids, alone
    )


def test_nobody_known_gets_what_any_model_has_for_them() -> None:
    blend = Blend([Frequency(STOCK), Popularity(STOCK)], [1, 1])

    assert blend.rank(NOBODY, 2, "all").ids.tolist() == [[0, 1]]
    assert blend.rank(NOBODY.rows(slice(0, 0)), 2, "all").ids.shape == (0, 2)
    assert blend.name == "frequency+popularity"


def test_lists_that_are_there_already_are_blended_alike() -> None:
    rankers, weights = [Frequency(STOCK), Popularity(STOCK)], [1.0, 0.5]
    lists = [each.rank(TWO, 50, "all") for each in rankers]

    got = blended(lists, weights, 3, products=6)

    assert np.array_equal(got.ids, Blend(rankers, weights).rank(TWO, 3, "all").ids)
