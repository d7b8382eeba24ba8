from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from models.last_bought import last_bought
from tests.models.corner_shop import PRODUCTS, purchases

IDS = np.array(PRODUCTS)


def test_the_latest_come_first_with_whole_days() -> None:
    days = sparse.csr_matrix(np.array([[400.5, 0, 2.9, 0, 0, 0], [0] * 6], np.float32))
    some = replace(purchases((3, 0, 1, 0, 0, 0), (0,) * 6), last_days=days)

    ann, nobody = last_bought(some, IDS)

    assert list(ann.items()) == [("milk", 2), ("bread", 400)]
    assert nobody == {}
    assert list(next(last_bought(some, IDS, 1))) == ["milk"]


def test_what_was_bought_at_the_very_instant_counts() -> None:
    cells = sparse.csr_matrix((np.array([0.0], np.float32), ([0], [4])), shape=(1, 6))

    assert list(last_bought(replace(purchases((0, 0, 0, 0, 1, 0)), last_days=cells), IDS)) == [
        {"tea": 0}
    ]


def test_without_times_nothing_is_known() -> None:
    assert list(last_bought(purchases((1, 0, 0, 0, 0, 0)), IDS)) == [{}]
