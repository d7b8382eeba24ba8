"""Who bought what before an instant, as sparse arrays over dense ids.

Rows are customers, columns are the catalogue's products. Counts are orders, not units: ten
tins in one basket are one purchase. Refunds are taken off by the units sent back. Guests count
for what is popular.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final, Self

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from core.clock import MICROSECOND, to_us
from core.errors import DataError, NotEnoughDataError
from core.ids import digest
from features.affinity import exact_sum
from models.assortment import Assortment, Strings, register_products

# A refund names no order, so all orders of the product shrink alike; more units than were bought,
# or of an order before the first event, leave nothing. Units are whole numbers: their sums are
# exact.
_KEPT: Final = f"""
WITH pairs AS (
    SELECT customer, number,
        count(*) FILTER (bought) AS orders,
        coalesce(sum(units) FILTER (bought), 0) AS taken,
        coalesce(sum(units) FILTER (NOT bought), 0) AS sent_back,
        {exact_sum("pow(2.0, (ts_us - $before) / $half_life_us)", "bought")} AS weight,
        ($before - max(ts_us) FILTER (bought)) / 86400e6 AS last_days,
        ($before - min(ts_us) FILTER (bought)) / 86400e6 AS first_days
    FROM lines WHERE customer IS NOT NULL AND ts_us < $before GROUP BY customer, number
), shares AS (
    SELECT *, CASE WHEN taken > sent_back
        THEN CAST(taken - sent_back AS DOUBLE) / taken ELSE 0 END AS kept
    FROM pairs
)
SELECT customer, product, CAST(orders * kept AS FLOAT) AS times,
    CAST(coalesce(weight, 0) * kept AS FLOAT) AS recent,
    CAST(coalesce(last_days, 0) AS FLOAT) AS last_days,
    CAST(coalesce(first_days, 0) AS FLOAT) AS first_days
FROM shares JOIN line_products USING (number) JOIN assortment USING (product_id)
"""  # noqa: S608  # every part is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """What some customers bought, as of one instant.

    Attributes:
        times: Shape (customers, products): orders that hold the product, times the share of its
            units that was kept. Three of four tins sent back leave a quarter of the orders.
        recent: The same cells, each order halved every half-life.
        ever: One where the product was bought, sent back or not: nothing of this is new to them.
        last_days: The cells of `times`: days since the last order of the product; None where
            times are not known.
        first_days: The same of the first order.
        orders: Shape (customers,): how many orders they made; None where it is not known.
    """

    times: sparse.csr_matrix
    recent: sparse.csr_matrix
    ever: sparse.csr_matrix
    last_days: sparse.csr_matrix | None = None
    first_days: sparse.csr_matrix | None = None
    orders: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return int(self.times.shape[0])

    def rows(self, chosen: NDArray[np.generic] | slice) -> Self:
        """Return the purchases of some of the customers."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return type(self)(
            **{name: part[chosen] for name, part in found.items() if part is not None}
        )


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
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._table} AS {_KEPT}",
            {"before": before_us, "half_life_us": half_life / MICROSECOND},
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._table}_orders AS"  # noqa: S608  # ours
            " SELECT customer, count(DISTINCT event_number) AS orders FROM lines"
            " WHERE bought AND ts_us < $1 GROUP BY customer",
            [before_us],
        )

    def customers(self) -> Strings:
        """Everybody who bought something and kept it, sorted."""
        found = self._connection.execute(
            f"SELECT customer_id FROM (SELECT DISTINCT customer FROM {self._table} WHERE times > 0)"  # noqa: S608  # ours
            " JOIN line_customers USING (customer)"
        ).fetchnumpy()
        return np.sort(np.asarray(found["customer_id"], dtype=np.str_))

    def of(self, customer_ids: Sequence[str] | Strings) -> Purchases:
        """Return the purchases of customers, one row each in the order given.

        A customer who bought nothing has an empty row.
        """
        query = f"SELECT * FROM {self._table}"  # noqa: S608  # ours
        found = _by_customer(self._connection, query, customer_ids)
        shape = (len(customer_ids), len(self._assortment.product_ids))
        kept = np.asarray(found["times"], np.float32) > 0
        row, product = found["row"], found["product"]
        at_kept = (row[kept], product[kept])
        with _asked(self._connection, customer_ids):
            known = self._connection.execute(
                f"SELECT row, orders FROM {self._table}_orders JOIN asked USING (customer)"  # noqa: S608  # ours
            ).fetchnumpy()
        orders = np.zeros(len(customer_ids), np.float32)
        orders[known["row"]] = known["orders"]
        names = ("times", "recent", "last_days", "first_days")
        return Purchases(
            **{name: _csr(found[name][kept], at_kept, shape) for name in names},
            ever=_csr(np.ones(len(kept)), (row, product), shape),
            orders=orders,
        )

    def digest(self, customer_ids: Sequence[str] | Strings) -> str:
        """Return a short digest of these customers' purchases and of the catalogue's sales."""
        with _asked(self._connection, customer_ids):
            rows = self._connection.execute(
                "SELECT count(*), bit_xor(hash(row, product, times, recent))"  # noqa: S608  # ours
                f" FROM {self._table} JOIN asked USING (customer)"
            ).fetchall()
        arrays = (self._assortment.product_ids, self._assortment.allowed, self._assortment.sold)
        catalogue = [hashlib.sha256(each.tobytes()).hexdigest() for each in arrays]
        return digest(rows, catalogue, sorted(map(str, customer_ids)))


def read_orders(
    connection: duckdb.DuckDBPyConnection,
    assortment: Assortment,
    customer_ids: Sequence[str] | Strings,
    *,
    before: datetime,
) -> sparse.csr_matrix:
    """Return the orders of customers strictly before an instant: shape (orders, products)."""
    register_products(connection, assortment)
    found = _by_customer(
        connection,
        f"""
        SELECT customer, product, event_number
        FROM lines JOIN line_products USING (number) JOIN assortment USING (product_id)
        WHERE bought AND ts_us < {to_us(before)}
        """,  # noqa: S608  # ours
        customer_ids,
    )
    orders, rows = np.unique(found["event_number"], return_inverse=True)
    shape = (len(orders), len(assortment.product_ids))
    return _csr(np.ones(len(rows)), (rows, found["product"]), shape)


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
        SELECT DISTINCT customer, product
        FROM lines JOIN line_products USING (number) JOIN assortment USING (product_id)
        WHERE bought AND allowed AND ts_us >= {to_us(start)} AND ts_us < {to_us(end)}
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
            f"SELECT * EXCLUDE (customer) FROM ({query}) JOIN asked USING (customer)"  # noqa: S608  # ours
            " ORDER BY row, product"
        ).fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


@contextmanager
def _asked(
    connection: duckdb.DuckDBPyConnection, customer_ids: Sequence[str] | Strings
) -> Iterator[None]:
    """Make the customers a table `asked` (customer, row) while the block runs."""
    ids = pa.array([str(each) for each in customer_ids], pa.string())
    named = pa.table({"customer_id": ids, "row": np.arange(len(ids), dtype=np.int32)})
    connection.register("named", named)
    try:
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE asked AS"
            " SELECT customer, row FROM named JOIN line_customers USING (customer_id)"
        )
        yield
    finally:
        connection.unregister("named")


def _csr(
    values: NDArray[np.generic],
    at: tuple[NDArray[np.generic], NDArray[np.generic]],
    shape: tuple[int, int],
) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.asarray(values, np.float32), at), shape=shape)
    matrix.sort_indices()
    return matrix
