"""A shop of six products: as a lake, as an assortment, as purchases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
from scipy import sparse

from core.clock import to_us
from ingest.contract import ORDER_COMPLETED, ORDER_REFUNDED
from models.assortment import Assortment
from models.interactions import Purchases

NOW = datetime(2017, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PRODUCTS = ("bread", "eggs", "milk", "petrol", "tea", "wine")
ALLOWED = np.array([True, True, True, False, True, True])


def lake_of(
    *lines: tuple[str | None, str, timedelta, str],
    refunds: tuple[str, ...] = (),
    units: Mapping[str, int | None] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Build a lake from (customer, product, age, order id): tests read as a table.

    `units` has the quantity of an order's or refund's lines; without one it is 1.
    """
    items = pd.DataFrame(lines, columns=["customer_id", "product_id", "age", "event_id"])
    items["ts_us"] = [to_us(NOW - age) for age in items["age"]]
    items["event"] = [
        ORDER_REFUNDED if e in refunds else ORDER_COMPLETED for e in items["event_id"]
    ]
    quantities = [(units or {}).get(each, 1) for each in items["event_id"]]
    items["quantity"] = pd.array(quantities, dtype="Int64")
    catalogue = pd.DataFrame(
        [
            ("bread", "Rye bread", "food/bakery", "Mill", 300, True, "{}"),
            ("cigars", "Cigars", "tobacco", None, 900, True, '{"sensitive": true}'),
            ("gift card", "Gift card", None, None, 1000, True, '{"sensitive": "true"}'),
            ("milk", "Milk", "food/dairy", "Farm", 100, True, '{"sensitive": false}'),
            ("tea", None, None, None, None, None, None),
            ("wine", "Red wine", "drinks", None, 800, False, '{"colour": "red"}'),
        ],
        columns=[
            "product_id",
            "name",
            "category",
            "brand",
            "price_minor",
            "available",
            "attributes",
        ],
    )
    catalogue["created_us"] = pd.array([None] * len(catalogue), dtype="Int64")
    connection = duckdb.connect()
    connection.register("given_items", items.drop(columns="age"))
    connection.register("given_catalogue", catalogue)
    connection.execute("CREATE TABLE items AS SELECT * FROM given_items")
    connection.execute("CREATE TABLE catalogue AS SELECT * FROM given_catalogue")
    return connection


def assortment(sold: tuple[int, ...] = (4, 3, 2, 9, 1, 0)) -> Assortment:
    """Bread sells best; wine did once, long ago; petrol is never recommended."""
    return Assortment(
        product_ids=np.array(PRODUCTS[: len(sold)]),
        allowed=ALLOWED[: len(sold)],
        sold=np.array(sold, dtype=np.float32),
        sold_ever=np.array(sold, dtype=np.float32) + 1,
    )


def purchases(*rows: tuple[float, ...]) -> Purchases:
    """Build purchases from how often each of `PRODUCTS` was bought."""
    times = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    return Purchases(times=times, recent=times * 0.5, ever=times.sign())


NOBODY = purchases((0, 0, 0, 0, 0, 0))
