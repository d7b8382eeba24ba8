"""The catalogue as recommenders see it: what may be recommended, and how it sells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import DAY, to_us
from core.errors import DataError
from ingest.contract import ORDER_COMPLETED

POPULAR_WINDOW: Final = 30 * DAY

_SALES: Final = """
WITH sales AS (
    SELECT product_id, count(DISTINCT event_id) AS sold_ever,
        count(DISTINCT event_id) FILTER (ts_us >= $since) AS sold
    FROM items WHERE event = $completed AND ts_us < $before GROUP BY product_id
)
SELECT product_id, bool_or(available) IS NOT FALSE
        AND NOT bool_or(coalesce(attributes ->> 'sensitive' = 'true', false)) AS allowed,
    coalesce(max(sold), 0) AS sold, coalesce(max(sold_ever), 0) AS sold_ever
FROM catalogue LEFT JOIN sales USING (product_id)
WHERE product_id IS NOT NULL GROUP BY product_id ORDER BY product_id
"""

Strings = NDArray[np.str_]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assortment:
    """The catalogue as recommenders see it; position in `product_ids` is the dense id.

    Attributes:
        product_ids: Sorted, shape (products,).
        allowed: May be recommended: available, and nothing `sensitive`.
        sold: Orders of the `POPULAR_WINDOW` that hold the product, guests' included.
        sold_ever: The same since the first event.
    """

    product_ids: Strings
    allowed: Flags
    sold: Floats
    sold_ever: Floats

    def positions(self, product_ids: Strings) -> NDArray[np.int64]:
        """Return the dense id of each product, -1 for those not in the catalogue."""
        if not len(self.product_ids):
            return np.full(len(product_ids), -1)
        at = np.searchsorted(self.product_ids, product_ids)
        at = np.minimum(at, len(self.product_ids) - 1)
        return np.where(self.product_ids[at] == product_ids, at, -1)


def read_assortment(connection: duckdb.DuckDBPyConnection, *, before: datetime) -> Assortment:
    """Read the catalogue, and how often each product sold strictly before `before`.

    Products without a catalogue row cannot be shown, so they are left out here, and with them
    everywhere. What nobody wants to see in an e-mail (tobacco, say) carries the attribute
    `sensitive` in the catalogue: it counts as sold, but is never recommended.

    Args:
        connection: A database with the lake's views.
        before: Timezone-aware instant.

    Raises:
        DataError: The catalogue is empty.
    """
    before_us = to_us(before)
    found = connection.execute(
        _SALES,
        {
            "before": before_us,
            "since": to_us(before - POPULAR_WINDOW),
            "completed": ORDER_COMPLETED,
        },
    ).fetchnumpy()
    if not len(found["product_id"]):
        raise DataError("the catalogue is empty, so nothing can be recommended. Import products.")
    ids = np.asarray(found["product_id"], dtype=np.str_)
    order = np.argsort(ids)  # by code point, as `positions` searches
    return Assortment(
        product_ids=ids[order],
        allowed=np.asarray(found["allowed"], dtype=np.bool_)[order],
        sold=np.asarray(found["sold"], dtype=np.float32)[order],
        sold_ever=np.asarray(found["sold_ever"], dtype=np.float32)[order],
    )


def sold_by_group(
    connection: duckdb.DuckDBPyConnection,
    assortment: Assortment,
    groups: Mapping[str, Sequence[str]],
    *,
    before: datetime,
) -> dict[str, Floats]:
    """Return the orders of the last `POPULAR_WINDOW` per product for groups of customers."""
    register_products(connection, assortment)
    names = list(groups)
    members = pa.table(
        {
            "customer_id": pa.array([each for name in names for each in groups[name]], pa.string()),
            "member_of": np.repeat(np.arange(len(names)), [len(groups[name]) for name in names]),
        }
    )
    connection.register("members", members)
    found = connection.execute(
        """
        SELECT member_of, product, count(DISTINCT event_id) AS sold
        FROM items JOIN assortment USING (product_id) JOIN members USING (customer_id)
        WHERE event = $event AND ts_us < $before AND ts_us >= $since GROUP BY ALL
        """,
        {
            "event": ORDER_COMPLETED,
            "before": to_us(before),
            "since": to_us(before - POPULAR_WINDOW),
        },
    ).fetchnumpy()
    sold = np.zeros((len(names), len(assortment.product_ids)), dtype=np.float32)
    sold[found["member_of"], found["product"]] = found["sold"]
    return dict(zip(names, sold, strict=True))


def register_products(connection: duckdb.DuckDBPyConnection, assortment: Assortment) -> None:
    """Make `assortment` a view of the database: product_id, product (dense id), allowed."""
    table = pa.table(
        {
            "product_id": pa.array(assortment.product_ids.tolist(), pa.string()),
            "product": np.arange(len(assortment.product_ids), dtype=np.int32),
            "allowed": assortment.allowed,
        }
    )
    connection.register("assortment", table)
