"""Time-decayed affinity of customers for categories and brands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import duckdb
import numpy as np
import pandas as pd

from core import columns as c
from core.clock import MICROSECOND, to_us
from core.errors import DataError
from ingest.contract import ORDER_COMPLETED

By = Literal["department", "category", "brand"]
HALF_LIFE: Final = timedelta(days=90)
SHARE_PREFIX: Final = "share_"

# First level of a category path; products without a category belong to none.
DEPARTMENT: Final = "nullif(trim(split_part(category, '/', 1)), '')"
_KEYS: Final[dict[str, str]] = {
    "department": DEPARTMENT,  # first level of the path: "GROCERY"
    "category": "nullif(trim(category), '')",  # the whole path: two leaves may share a name
    "brand": "nullif(trim(brand), '')",
}


def affinity(
    connection: duckdb.DuckDBPyConnection,
    *,
    by: By,
    as_of: datetime,
    half_life: timedelta = HALF_LIFE,
) -> pd.DataFrame:
    """Sum a customer's order lines per `by`, halving each line's weight every `half_life`.

    Only lines strictly before `as_of` count, so the result can be joined to a label observed
    at `as_of` without leaking it. A line counts once, whatever its quantity: litres of fuel
    and cans of beans have no common measure.

    Args:
        connection: A database with the lake's view `items`.
        by: `department` (first level of the category), `category` (the whole path), `brand`.
        as_of: Timezone-aware instant the affinity describes.
        half_life: Age at which a line counts half. Must be positive.

    Returns:
        Shape (n_pairs, 3): `customer_id`, `by`, `affinity` in units of "one line bought now",
        sorted by customer, then falling affinity, then key. Pairs with no line before `as_of`
        are absent, not zero. The same input gives the same bits.

    Raises:
        DataError: `by` is unknown, or `half_life` is not positive.
        ConfigError: `as_of` is naive.

    Source:
        Exponential decay after Ding & Li, "Time weight collaborative filtering",
        CIKM 2005. Written with base 2, so that half_life means what it says.
    """
    if by not in _KEYS:
        raise DataError(f"affinity is by one of {sorted(_KEYS)}, got {by!r}.")
    if half_life <= timedelta(0):
        raise DataError(f"half_life must be positive, got {half_life}.")
    age = "(CAST($as_of AS BIGINT) - ts_us)"
    weight = f"pow(2.0, -({age} / $half_life))"
    frame = connection.execute(
        f"SELECT customer_id, {_KEYS[by]} AS key, {exact_sum(weight)} AS affinity"  # noqa: S608  # ours
        " FROM items WHERE ts_us < $as_of AND event = $event"
        f" AND customer_id IS NOT NULL AND {_KEYS[by]} IS NOT NULL"
        " GROUP BY ALL ORDER BY customer_id, affinity DESC, key",
        {
            "as_of": to_us(as_of),
            "half_life": float(half_life // MICROSECOND),
            "event": ORDER_COMPLETED,
        },
    ).df()
    frame = frame.rename(columns={"key": by})
    return frame.astype({c.CUSTOMER_ID: object, by: object, "affinity": "float64"})


def departments(connection: duckdb.DuckDBPyConnection, *, as_of: datetime, k: int) -> list[str]:
    """Return the shop's `k` biggest first-level categories by lines sold before `as_of`."""
    rows = connection.execute(
        f"SELECT {DEPARTMENT} AS department FROM items"  # noqa: S608  # a constant of ours
        f" WHERE ts_us < $1 AND event = $2 AND {DEPARTMENT} IS NOT NULL"
        " GROUP BY department ORDER BY count(*) DESC, department LIMIT $3",
        [to_us(as_of), ORDER_COMPLETED, k],
    ).fetchall()
    return [str(row[0]) for row in rows]


def affinity_shares(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: datetime,
    k: int = 10,
    keys: list[str] | None = None,
    half_life: timedelta = HALF_LIFE,
) -> pd.DataFrame:
    """Give each customer's affinity for the shop's biggest departments as shares of all.

    Args:
        connection: A database with the lake's view `items`.
        as_of: Timezone-aware instant; only lines strictly before it count.
        k: How many departments, the biggest as of `as_of`.
        keys: The departments themselves, for a model that has learnt on these; wins over `k`.
        half_life: Age at which a line counts half.

    Returns:
        One row per customer with a categorised line, sorted: `customer_id`, then
        `share_KEY` per department in falling size. A row sums to at most 1; the rest is
        what was bought elsewhere.
    """
    chosen = departments(connection, as_of=as_of, k=k) if keys is None else keys
    pairs = affinity(connection, by="department", as_of=as_of, half_life=half_life)
    customers, row = np.unique(pairs[c.CUSTOMER_ID].to_numpy(dtype=str), return_inverse=True)
    # `bincount` adds in row order, and the rows are sorted: the same bits every time.
    total = np.bincount(row, weights=pairs["affinity"], minlength=len(customers))
    position = {key: column for column, key in enumerate(chosen)}
    column = pairs["department"].map(position)
    known = column.notna().to_numpy()
    shares = np.zeros((len(customers), len(chosen)))
    shares[row[known], column[known].astype("int64")] = pairs["affinity"].to_numpy()[known]
    # A total of zero is a customer whose last line is some eighty half-lives old.
    shares /= np.where(total > 0, total, 1.0)[:, None]
    wide = pd.DataFrame(shares, columns=[f"{SHARE_PREFIX}{key}" for key in chosen])
    wide.insert(0, c.CUSTOMER_ID, customers.astype(object))
    return wide


def with_shares(
    connection: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    *,
    as_of: datetime,
    k: int = 10,
    keys: list[str] | None = None,
) -> pd.DataFrame:
    """Add `affinity_shares` to a frame of one row per customer: what clusters are made of.

    Returns:
        The rows of `frame` in their order; the shares of a customer who bought nothing with a
        category are gaps.
    """
    shares = affinity_shares(connection, as_of=as_of, k=k, keys=keys)
    return frame.merge(shares, on=c.CUSTOMER_ID, how="left", validate="one_to_one")


def exact_sum(expression: str, condition: str = "true") -> str:
    """Return SQL that sums a small float to the same bits in any order of the rows.

    Engines add floats in the order their threads finish. Fixed-point numbers with 80 binary
    digits after the point add exactly; up to 2**46 fits.
    """
    scaled = f"sum(CAST(({expression}) * pow(2.0, 80) AS HUGEINT)) FILTER ({condition})"
    return f"(CAST({scaled} AS DOUBLE) / pow(2.0, 80))"
