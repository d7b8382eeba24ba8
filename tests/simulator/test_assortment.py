from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from ingest.contract import CATALOGUE
from simulator.assortment import (
    BANDS,
    CATEGORIES,
    CATEGORY_NAMES,
    CATEGORY_WEIGHTS,
    LEAVES,
    NEVER_US,
    catalogue,
    draw_assortment,
    products_truth,
)
from simulator.parameters import Parameters

PARAMETERS = Parameters(customers=20_000, days=100, seed=3, as_of=datetime(2024, 3, 1, tzinfo=UTC))
PRODUCTS = draw_assortment(PARAMETERS)


@pytest.mark.parametrize(("customers", "products"), [(1, 300), (20_000, 1_000), (10**6, 3_000)])
def test_as_many_products_as_the_customers_can_carry(customers: int, products: int) -> None:
    assert len(draw_assortment(replace(PARAMETERS, customers=customers))) == products


def test_categories_have_some_leaves_and_all_have_products_in_all_bands() -> None:
    assert len(CATEGORY_NAMES) == len(CATEGORY_WEIGHTS) == 12
    assert CATEGORY_WEIGHTS.sum() == pytest.approx(1)
    assert all(3 <= len(leaves) <= 8 for _, leaves in CATEGORIES.values())
    cells = {*zip(PRODUCTS.category.tolist(), PRODUCTS.band.tolist(), strict=True)}
    assert len(cells) == len(CATEGORIES) * BANDS


def test_the_leaf_is_one_of_the_category() -> None:
    assert all(
        LEAVES[leaf].startswith(f"{CATEGORY_NAMES[category]}/")
        for leaf, category in zip(PRODUCTS.leaf, PRODUCTS.category, strict=True)
    )


def test_bands_are_quarters_of_a_category_by_price() -> None:
    shoes = PRODUCTS.category == CATEGORY_NAMES.index("Shoes")
    prices = [PRODUCTS.price_minor[shoes & (PRODUCTS.band == band)] for band in range(BANDS)]

    assert all(len(each) == pytest.approx(shoes.sum() / BANDS, abs=1) for each in prices)
    assert all(low.max() <= high.min() for low, high in pairwise(prices))


def test_popularity_is_skewed_and_whole_within_a_category() -> None:
    of_category = np.bincount(PRODUCTS.category, PRODUCTS.popularity)

    assert of_category == pytest.approx(1)
    assert PRODUCTS.popularity.max() > 10 * PRODUCTS.popularity.min()


def test_some_products_are_launched_and_some_go() -> None:
    start, end = PARAMETERS.start_us, PARAMETERS.end_us

    assert (PRODUCTS.created_us >= start).mean() == pytest.approx(0.25, abs=0.05)
    assert (PRODUCTS.gone_us <= end).mean() == pytest.approx(0.1, abs=0.05)
    assert (PRODUCTS.gone_us > PRODUCTS.created_us).all()
    assert PRODUCTS.on_sale(start, start + 1).mean() == pytest.approx(0.75, abs=0.05)


def test_the_catalogue_is_the_contracts() -> None:
    table = catalogue(PRODUCTS, PARAMETERS)

    assert table.schema == CATALOGUE
    assert table.column("product_id").to_pylist() == PRODUCTS.ids().to_pylist()
    gone = PRODUCTS.gone_us <= PARAMETERS.end_us
    assert table.column("available").to_pylist() == (~gone).tolist()
    assert all("/" in path for path in table.column("category").to_pylist())


def test_the_truth_says_when_a_product_went() -> None:
    gone = products_truth(PRODUCTS).column("gone_us")

    assert gone.null_count == (PRODUCTS.gone_us == NEVER_US).sum()
