from __future__ import annotations

import numpy as np
import pytest

from core.errors import DataError
from models.assortment import read_assortment, sold_by_group
from tests.models.corner_shop import DAY, NOW, lake_of


def test_products_nobody_wants_by_mail_are_not_allowed() -> None:
    assortment = read_assortment(lake_of(("ann", "milk", DAY, "o1")), before=NOW)

    assert assortment.product_ids[assortment.allowed].tolist() == ["bread", "milk", "tea"]


def test_sales_of_groups_count_orders_of_their_members() -> None:
    lake = lake_of(
        ("ann", "tea", DAY, "o1"),
        ("bob", "tea", DAY, "o2"),
        ("eve", "tea", DAY, "o3"),
        ("eve", "tea", 31 * DAY, "o4"),
    )
    assortment = read_assortment(lake, before=NOW)

    sold = sold_by_group(lake, assortment, {"a": ["ann", "bob"], "b": ["eve"], "c": []}, before=NOW)

    assert {name: float(values.sum()) for name, values in sold.items()} == {"a": 2, "b": 1, "c": 0}


def test_dense_ids_are_found_again() -> None:
    assortment = read_assortment(lake_of(("ann", "tea", DAY, "o1")), before=NOW)

    at = assortment.positions(np.array(["tea", "nonsense", "zzz", "bread"]))

    assert at.tolist() == [4, -1, -1, 0]


def test_an_empty_catalogue_is_an_error() -> None:
    lake = lake_of(("ann", "tea", DAY, "o1"))
    lake.execute("DELETE FROM catalogue")

    with pytest.raises(DataError, match="catalogue is empty"):
        read_assortment(lake, before=NOW)
