"""The products of a snapshot: in the order they sell, with what belongs with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import duckdb
import numpy as np

from core.clock import to_us
from core.ids import digest
from ingest.contract import ORDER_COMPLETED
from models.assortment import Assortment
from models.interactions import read_orders
from models.kin import Kinship, fit_kinship, kinship_of, packed_kin, supported
from models.popularity import popularity
from models.reasons import why_popular
from models.recommender import Recommender
from profiles.products import Item

# As they are shown: a category that no row has is none, as in the catalogue.
_FACTS: Final = """
SELECT product_id, coalesce(min(category), '') AS category, max(price_minor) AS price_minor,
    coalesce(bool_or(image_url <> ''), false) AS has_image
FROM catalogue WHERE product_id IS NOT NULL GROUP BY product_id ORDER BY product_id
"""


def kinship(
    connection: duckdb.DuckDBPyConnection,
    assortment: Assortment,
    recommender: Recommender | None,
    teachers: Sequence[str],
    *,
    as_of: datetime,
) -> Kinship:
    """Return what tells which products belong together.

    The recommender's own models, where it has some (a hybrid). Else texts are compared, and the
    orders of `teachers`, who consent to model_training, are read; what the same people buy is then
    not known.
    """
    orders = read_orders(connection, assortment, teachers, before=as_of)
    hybrid = recommender.hybrid if recommender else None
    known = kinship_of(hybrid.rankers) if hybrid else fit_kinship(assortment, orders)
    return {
        kind: supported(model, assortment, orders) if kind == "goes_with" else model
        for kind, model in known.items()
    }


def items_of(
    connection: duckdb.DuckDBPyConnection, assortment: Assortment, known: Kinship
) -> Iterator[Item]:
    """Give every product of the catalogue once, best seller first, then by id."""
    facts = connection.execute(_FACTS).fetchall()
    by_id = {product_id: rest for product_id, *rest in facts}
    score = popularity(assortment)
    order = np.lexsort((np.arange(len(score)), -score))
    ids = assortment.product_ids[order].tolist()
    rows = zip(
        ids,
        np.round(score[order], 4).tolist(),
        why_popular(assortment, order.astype(np.int32)).tolist(),
        packed_kin(known, assortment, order),
        strict=True,
    )
    for product_id, sells, reason, kin in rows:
        category, price_minor, has_image = by_id[product_id]
        yield Item(product_id, category.casefold(), price_minor, has_image, sells, reason, *kin)


def items_digest(connection: duckdb.DuckDBPyConnection, *, as_of: datetime) -> str:
    """Return a short digest of all that `items_of` and `common_lists` read but the models."""
    catalogue = connection.execute(
        "SELECT count(*), bit_xor(hash(product_id, name, category, brand, price_minor, image_url,"
        " available, created_us, attributes)) FROM catalogue"
    ).fetchall()
    orders = connection.execute(
        "SELECT count(*), bit_xor(hash(event_id, product_id, customer_id, ts_us)) FROM items"
        " WHERE event = ? AND ts_us < ?",
        [ORDER_COMPLETED, to_us(as_of)],
    ).fetchall()
    return digest(catalogue, orders)
