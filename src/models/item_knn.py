"""Item-KNN: products that the same people buy, the busy ones counting less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.assortment import Assortment
from models.item_item import ItemItem, Weight, most_similar


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKnnParams:
    """What item-KNN is fitted with.

    Attributes:
        neighbours: Similar products kept for each product.
        customer_power: How much less a customer says who buys many products.
        from_power: How much less a product says that many bought.
        to_power: How much less a product is recommended that many bought.
    """

    neighbours: int = 100
    customer_power: float = 0.5
    from_power: float = 0.7
    to_power: float = 0.3


def fit_item_knn(
    bought: sparse.csr_matrix,
    assortment: Assortment,
    params: ItemKnnParams,
    *,
    name: str = "item-knn",
    weight: Weight = "once",
) -> ItemItem:
    """Find the most similar products of each; what few buy has few, or none.

    Args:
        bought: Shape (customers or orders, products), positive where bought.
        assortment: The products of its columns.
        params: Neighbours and powers.
        name: What the model is called.
        weight: What a bought product counts in a list.

    Source:
        Deshpande & Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1),
        2004: conditional probability, with a power for each degree, by the kernel of the
        `implicit` library.
    """
    cells = bought.astype(bool).astype(np.float64)  # the kernel takes only doubles
    buyers = np.maximum(np.asarray(cells.sum(axis=0)).ravel(), 1)
    products = np.maximum(np.asarray(cells.sum(axis=1)).ravel(), 1)
    # The kernel scales both sides alike: what one side has too much is taken off after it.
    each = sparse.diags(products ** (-params.customer_power / 2))
    scaled = (each @ cells @ sparse.diags(buyers**-params.to_power)).tocsr()
    similarity = most_similar(scaled, params.neighbours)
    similarity.data *= np.repeat(
        (buyers ** (params.to_power - params.from_power)).astype(np.float32),
        np.diff(similarity.indptr),
    )
    return ItemItem(name, assortment.product_ids, similarity, assortment, weight=weight)
