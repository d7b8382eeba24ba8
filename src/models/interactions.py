"""Who bought what before an instant, as sparse arrays over dense ids.

Rows are customers, columns are the catalogue's products. Counts are orders, not units: ten
tins in one basket are one purchase. Refunds are taken off. Guests count for what is popular.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from core.clock import MICROSECOND, to_us
from core.errors import DataError, NotEnoughDataError
from core.ids import digest
from features.relations import exact_sum
from ingest.contract import ORDER_COMPLETED, ORDER_REFUNDED
from models.assortment import Assortment, Strings, register_products


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """What some customers bought, as of one instant.

    Attributes:
        times: Shape (customers, products): orders that hold the product, net of refunds.
        recent: The same cells, each order halved every half-life.
    """

    times: sparse.csr_matrix
    recent: sparse.csr_matrix

    def __len__(self) -> int:
        return int(self.times.shape[0])

    def rows(self, chosen: NDArray[np.generic] | slice) -> Self:
        """Return the purchases of some of the customers."""
        return type(self)(times=self.times[chosen], recent=self.recent[chosen])


class History:
    """Purchases strictly before an instant, gathered once, handed out by customer.

    The gathered pairs stay in the database, which spills them to disk when they are many.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        assortment: Assortment,
        *,
        before: datetime,
        half_life: timedelta,
    ) -> None:
        if half_life <= timedelta(0):
            raise DataError(f"half_life must be positive, got {half_life}")
        self._connection = connection
        self._assortment = assortment
        before_us = to_us(before)
        self._table = f"bought_before_{before_us}"
        register_products(connection, assortment)
        weight = "pow(2.0, (ts_us - $before) / $half_life_us)"
        connection.execute(
            # An order may list a product twice; a refund more than was bought leaves nothing.
            f"""
            CREATE OR REPLACE TEMP TABLE {self._table} AS
            WITH lines AS (
                SELECT DISTINCT event_id, customer_id, product_id, event, ts_us FROM items
                WHERE customer_id IS NOT NULL AND ts_us < $before
                    AND event IN ('{ORDER_COMPLETED}', '{ORDER_REFUNDED}')
            ), pairs AS (
                SELECT customer_id, product_id,
                    count(*) FILTER (event = '{ORDER_COMPLETED}') AS orders,
                    count(*) FILTER (event = '{ORDER_REFUNDED}') AS refunds,
                    {exact_sum(weight, f"event = '{ORDER_COMPLETED}'")} AS weight
                FROM lines GROUP BY customer_id, product_id
            )
            SELECT customer_id, product, CAST(orders - refunds AS FLOAT) AS times,
                CAST(weight * (orders - refunds) / orders AS FLOAT) AS recent
            FROM pairs JOIN assortment USING (product_id)
            WHERE orders > refunds
            """,  # noqa: S608  # every part is ours
            {"before": before_us, "half_life_us": half_life / MICROSECOND},
        )

    def customers(self) -> Strings:
        """Everybody who bought something, sorted."""
        found = self._connection.execute(
            f"SELECT DISTINCT customer_id FROM {self._table} ORDER BY 1"  # noqa: S608  # ours
        ).fetchnumpy()
        return np.sort(np.asarray(found["customer_id"], dtype=np.str_))

    def of(self, customer_ids: Sequence[str] | Strings) -> Purchases:
        """Return the purchases of customers, one row each in the order given.

        A customer who bought nothing has an empty row.
        """
        query = f"SELECT customer_id, product, times, recent FROM {self._table}"  # noqa: S608  # ours
        found = _by_customer(self._connection, query, customer_ids)
        shape = (len(customer_ids), len(self._assortment.product_ids))
        at = (found["row"], found["product"])
        return Purchases(
            times=_csr(found["times"], at, shape), recent=_csr(found["recent"], at, shape)
        )

    def digest(self, customer_ids: Sequence[str] | Strings) -> str:
        """Return a short digest of these customers' purchases and of the catalogue's sales."""
        with _asked(self._connection, customer_ids):
            rows = self._connection.execute(
                "SELECT count(*), bit_xor(hash(customer_id, product, times, recent))"  # noqa: S608  # ours
                f" FROM {self._table} JOIN asked USING (customer_id)"
            ).fetchall()
        arrays = (self._assortment.product_ids, self._assortment.allowed, self._assortment.sold)
        catalogue = [hashlib.sha256(each.tobytes()).hexdigest() for each in arrays]
        return digest(rows, catalogue, sorted(map(str, customer_ids)))


def read_targets(
    connection: duckdb.DuckDBPyConnection,
    assortment: Assortment,
    customer_ids: Sequence[str] | Strings,
    *,
    start: datetime,
    end: datetime,
) -> sparse.csr_matrix:
    """Return what customers bought in [start, end) of what may be recommended.

    Returns:
        Shape (customers, products), one where bought. Products that nobody had bought before
        are among them: no model can hit those, and all are measured against them alike.
    """
    register_products(connection, assortment)
    found = _by_customer(
        connection,
        f"""
        SELECT DISTINCT customer_id, product FROM items JOIN assortment USING (product_id)
        WHERE event = '{ORDER_COMPLETED}' AND allowed
            AND ts_us >= {to_us(start)} AND ts_us < {to_us(end)}
        """,  # noqa: S608  # ours
        customer_ids,
    )
    shape = (len(customer_ids), len(assortment.product_ids))
    ones = np.ones(len(found["row"]), dtype=np.float32)
    return _csr(ones, (found["row"], found["product"]), shape)


def require_purchases(purchases: Purchases, *, before: datetime) -> None:
    """Check that there is something to learn from.

    Raises:
        NotEnoughDataError: Not one purchase.
    """
    if not purchases.times.nnz:
        raise NotEnoughDataError(
            f"no purchases before {before:%Y-%m-%d} to learn recommendations from. Import orders "
            "of customers who consent to model_training, or choose a later --as-of."
        )


def _by_customer(
    connection: duckdb.DuckDBPyConnection, query: str, customer_ids: Sequence[str] | Strings
) -> dict[str, NDArray[np.generic]]:
    """Run `query` for some customers; `row` is a customer's place in `customer_ids`."""
    with _asked(connection, customer_ids):
        found = connection.execute(
            f"SELECT * EXCLUDE (customer_id) FROM ({query}) JOIN asked USING (customer_id)"  # noqa: S608  # ours
            " ORDER BY row, product"
        ).fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


@contextmanager
def _asked(
    connection: duckdb.DuckDBPyConnection, customer_ids: Sequence[str] | Strings
) -> Iterator[None]:
    """Make the customers a view `asked` while the block runs."""
    ids = pa.array([str(each) for each in customer_ids], pa.string())
    asked = pa.table({"customer_id": ids, "row": np.arange(len(ids), dtype=np.int32)})
    connection.register("asked", asked)
    try:
        yield
    finally:
        connection.unregister("asked")


def _csr(
    values: NDArray[np.generic],
    at: tuple[NDArray[np.generic], NDArray[np.generic]],
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.asarray(values, np.float32), at), shape=shape)
    matrix.sort_indices()
    return matrix
