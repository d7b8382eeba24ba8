from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from core.errors import NotEnoughDataError
from models.teaching import HybridParams, fit_booster, teach
from tests.models.lessons import CUSTOMERS, PARAMS, PRODUCTS, lesson


def test_it_learns_from_no_more_customers_than_it_is_told_to() -> None:
    (few,), (everybody,) = (
        teach([lesson()], params, seed=7) for params in (HybridParams(customers=3), PARAMS)
    )

    assert (len(few.each), len(everybody.each)) == (3, CUSTOMERS)
    assert (few.each <= PRODUCTS).all()


def test_all_that_was_bought_teaches_and_a_share_of_the_rest() -> None:
    taught = lesson()
    bought, pairs = int(taught.targets.nnz), CUSTOMERS * PRODUCTS

    (everything,), (half,) = (
        teach([taught], replace(PARAMS, unbought=share), seed=7) for share in (1.0, 0.5)
    )

    assert len(everything.values) == len(everything.bought) == everything.each.sum() == pairs
    assert everything.bought.sum() == half.bought.sum() == bought
    assert len(half.values) == pytest.approx(bought + 0.5 * (pairs - bought), rel=0.02)


def test_some_customers_of_a_lesson_keep_their_candidates() -> None:
    (taught,) = teach([lesson()], PARAMS, seed=7)

    some = taught.of(10, seed=3)

    assert (len(some.each), len(some.values), len(some.bought)) == (10, *[some.each.sum()] * 2)
    assert taught.of(CUSTOMERS, seed=3) is taught
    every_row = {row.tobytes() for row in taught.values}
    assert all(row.tobytes() in every_row for row in some.values)


def test_without_a_purchase_after_there_is_nothing_to_learn_from() -> None:
    taught = lesson()
    nothing = replace(taught, targets=sparse.csr_matrix(taught.targets.shape, dtype=np.float32))

    with pytest.raises(NotEnoughDataError, match="nothing to learn from"):
        fit_booster(teach([nothing], PARAMS, seed=7), PARAMS, seed=7)
