from __future__ import annotations

import numpy as np
import pytest

from models.places import overlap, places_of
from tests.models.corner_shop import assortment

# Dense ids: 0 bread, 1 eggs, 2 milk, 3 petrol (never recommended), 4 tea, 5 wine.
LISTS = np.array([[0, 4], [0, 2], [4, -1]], dtype=np.int32)


def test_places_are_counted_best_sellers_first_and_only_of_what_may_be_shown() -> None:
    shown = places_of(LISTS, assortment(sold=(4, 3, 2, 9, 1, 0)))

    assert shown.counts.tolist() == [2, 0, 1, 2, 0]  # bread, eggs, milk, tea, wine
    assert shown.shown == 3
    assert shown.up_to.tolist() == pytest.approx([0.4, 0.4, 0.6, 1.0, 1.0])
    assert shown.median_rank == 3


def test_products_stand_in_the_order_of_their_sales() -> None:
    assert places_of(LISTS, assortment(sold=(1, 3, 2, 9, 4, 0))).counts.tolist() == [2, 0, 1, 2, 0]


def test_overlap_is_what_both_show_of_the_shorter_list() -> None:
    other = np.array([[4, 0], [1, -1], [-1, -1]], dtype=np.int32)

    shares = overlap([LISTS, other])

    # The first shares both, the second nothing, the third has no second list.
    assert shares.tolist() == [[1.0, 0.5], [0.5, 1.0]]


def test_models_that_never_rank_for_the_same_customer_have_no_overlap() -> None:
    nobody = np.full((3, 2), -1, dtype=np.int32)

    assert np.isnan(overlap([LISTS, nobody])[0, 1])
