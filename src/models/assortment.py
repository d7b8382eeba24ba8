"""The catalogue as recommenders see it: what may be recommended, and how it sells."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import DAY, MICROSECOND, to_us
from core.errors import DataError
from core.ids import digest
from features.affinity import exact_sum
from models.lines import number_lines

POPULAR_WINDOW: Final = 30 * DAY

FADING: Final = timedelta(days=14)  # an order counts half as much after these

# A habit of buying a product again shows in customers who did: how many of its buyers, and after
# how long. Orders that hold a product twice count once.
_SALES: Final = f"""
WITH sales AS (
    SELECT number, count(*) AS sold_ever,
        count(*) FILTER (ts_us >= $since) AS sold,
        count(*) FILTER (ts_us >= $week) AS sold_week,
        {exact_sum("pow(2.0, (ts_us - $before) / $fading_us)")} AS fading,
        ($before - min(ts_us)) / 86400e6 AS first_days,
        ($before - max(ts_us)) / 86400e6 AS last_days
    FROM lines WHERE bought AND ts_us < $before GROUP BY number
), pairs AS (
    SELECT number, count(*) AS orders, max(ts_us) - min(ts_us) AS span_us
    FROM lines WHERE bought AND ts_us < $before AND customer IS NOT NULL GROUP BY number, customer
), habits AS (
    SELECT number, (count(*) FILTER (orders > 1) + 1) / (count(*) + 10.0) AS repeat_rate,
        median(span_us / (orders - 1) / 86400e6) FILTER (orders > 1) AS gap_days
    FROM pairs GROUP BY number
)
SELECT offered.* EXCLUDE (created_us),
    coalesce(sold, 0) AS sold, coalesce(sold_ever, 0) AS sold_ever,
    coalesce(sold_week, 0) AS sold_week, coalesce(fading, 0) AS fading,
    first_days, last_days, repeat_rate, gap_days,
    ($before - created_us) / 86400e6 AS created_days
FROM offered LEFT JOIN line_products USING (product_id)
    LEFT JOIN sales USING (number) LEFT JOIN habits USING (number)
"""  # noqa: S608  # ours

Strings = NDArray[np.str_]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assortment:
    """The catalogue as recommenders see it; position in `product_ids` is the dense id.

    All arrays have the shape (products,). Those that may be None are not known, as of
    interactions without times or a catalogue; a single unknown number is nan.

    Attributes:
        product_ids: Sorted.
        allowed: May be recommended: available, and nothing `sensitive`.
        sold: Orders of the `POPULAR_WINDOW` that hold the product, guests' included.
        sold_ever: The same since the first event.
        sold_week: The same of the last seven days.
        fading: Orders ever, halved every `FADING`.
        first_days: Days since its first order.
        last_days: Days since its last order.
        created_days: Days since it came into the catalogue.
        repeat_rate: The share of its buyers who bought it again, drawn to a tenth.
        gap_days: The median time after which these did.
        price: Of the catalogue, in minor units.
        category: A number for its category in the catalogue, -1 where there is none.
        department: The same for the first part of the category's path.
        name: Of the catalogue; empty where there is none.
        text: Its name, brand, category, attributes and band of prices, as words.
    """

    product_ids: Strings
    allowed: Flags
    sold: Floats
    sold_ever: Floats
    sold_week: Floats | None = None
    fading: Floats | None = None
    first_days: Floats | None = None
    last_days: Floats | None = None
    created_days: Floats | None = None
    repeat_rate: Floats | None = None
    gap_days: Floats | None = None
    price: Floats | None = None
    category: Codes | None = None
    department: Codes | None = None
    name: Strings | None = None
    text: Strings | None = None

    @property
    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that is known, by name: what a file of it holds."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def digest(self) -> str:
        """A short digest of the catalogue: which products, what is said of each, what they cost."""
        said = (self.product_ids, self.allowed, self.price, self.category, self.name, self.text)
        return digest(
            [each if each is None else hashlib.sha256(each.tobytes()).hexdigest() for each in said]
        )

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
    number_lines(connection)
    found = connection.execute(
        _SALES,
        {
            "before": to_us(before),
            "since": to_us(before - POPULAR_WINDOW),
            "week": to_us(before - 7 * DAY),
            "fading_us": FADING / MICROSECOND,
        },
    ).df()
    if not len(found):
        raise DataError("the catalogue is empty, so nothing can be recommended. Import products.")
    return _of(found)


def _of(found: pd.DataFrame) -> Assortment:
    ids = found["product_id"].to_numpy(dtype=np.str_)
    order = np.argsort(ids)  # by code point, as `positions` searches

    def numbers(name: str) -> Floats:
        return found[name].iloc[order].to_numpy(dtype=np.float32)

    def words(name: str) -> Strings:
        return found[name].iloc[order].to_numpy(dtype=np.str_)

    categories = words("category")
    return Assortment(
        product_ids=ids[order],
        allowed=found["allowed"].iloc[order].to_numpy(dtype=np.bool_),
        sold=numbers("sold"),
        sold_ever=numbers("sold_ever"),
        sold_week=numbers("sold_week"),
        fading=numbers("fading"),
        first_days=numbers("first_days"),
        last_days=numbers("last_days"),
        created_days=numbers("created_days"),
        repeat_rate=numbers("repeat_rate"),
        gap_days=numbers("gap_days"),
        price=numbers("price"),
        category=_codes(categories),
        department=_codes(np.array([path.partition("/")[0] for path in categories.tolist()])),
        name=words("name"),
        text=words("text"),
    )


def _codes(words: Strings) -> Codes:
    """Number the words; an empty one is -1."""
    codes = np.unique(words, return_inverse=True)[1].astype(np.int32)
    return np.where(words == "", -1, codes)


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
        SELECT member_of, product, count(*) AS sold
        FROM lines JOIN line_products USING (number) JOIN assortment USING (product_id)
            JOIN line_customers USING (customer) JOIN members USING (customer_id)
        WHERE bought AND ts_us < $before AND ts_us >= $since GROUP BY ALL
        """,
        {"before": to_us(before), "since": to_us(before - POPULAR_WINDOW)},
    ).fetchnumpy()
    sold = np.zeros((len(names), len(assortment.product_ids)), dtype=np.float32)
    sold[found["member_of"], found["product"]] = found["sold"]
    return dict(zip(names, sold, strict=True))


def register_products(connection: duckdb.DuckDBPyConnection, assortment: Assortment) -> None:
    """Make `assortment` a view: product_id, product (dense id), allowed; and number the lines."""
    number_lines(connection)
    table = pa.table(
        {
            "product_id": pa.array(assortment.product_ids.tolist(), pa.string()),
            "product": np.arange(len(assortment.product_ids), dtype=np.int32),
            "allowed": assortment.allowed,
        }
    )
    connection.register("assortment", table)
