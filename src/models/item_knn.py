"""Item-KNN: products that the same people buy, the busy ones counting less.

Only similarities of products are kept, nothing of any customer: lists come from purchases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn
from scipy import sparse

from models.assortment import Assortment
from models.interactions import Purchases
from models.ranking import THREADS, Ranked, Scope, best_cells, nothing, only_allowed

_BLOCK: Final = 1_000  # customers at once, to keep memory flat


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


class ItemKnn:
    """Ranks by the summed similarity of a product to what the customer bought.

    Source:
        Deshpande & Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1),
        2004: conditional probability, with a power for each degree, by the kernel of the
        `implicit` library.
    """

    name = "item-knn"

    def __init__(self, similarity: sparse.csr_matrix, assortment: Assortment) -> None:
        """Take similarities over the dense ids of `assortment`, shape (products, products)."""
        self.similarity = similarity
        self._assortment = assortment

    @classmethod
    def fit(cls, purchases: Purchases, assortment: Assortment, params: ItemKnnParams) -> Self:
        """Find the most similar products of each; what few buy has few, or none."""
        bought = purchases.times.astype(bool).astype(np.float64)  # the kernel takes only doubles
        buyers = np.maximum(np.asarray(bought.sum(axis=0)).ravel(), 1)
        products = np.maximum(np.asarray(bought.sum(axis=1)).ravel(), 1)
        # The kernel scales both sides alike: what one side has too much is taken off after it.
        each = sparse.diags(products ** (-params.customer_power / 2))
        scaled = (each @ bought @ sparse.diags(buyers**-params.to_power)).tocsr()
        # One neighbour more: a product is most similar to itself, which says nothing.
        found = all_pairs_knn(
            scaled, params.neighbours + 1, num_threads=THREADS, show_progress=False
        ).tocsr()
        found.setdiag(0)
        scale = sparse.diags(buyers ** (params.to_power - params.from_power))
        similarity = (scale @ found).tocsr().astype(np.float32)
        similarity.eliminate_zeros()
        return cls(similarity, assortment)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return the products most similar to what the customer bought."""
        blocks = [nothing(0, n)]
        for start in range(0, len(purchases), _BLOCK):
            some = purchases.rows(slice(start, start + _BLOCK))
            blocks.append(best_cells(self._scores(some, scope), n))
        ids, scores = ([getattr(one, part) for one in blocks] for part in ("ids", "scores"))
        return Ranked(np.concatenate(ids), np.concatenate(scores))

    def _scores(self, purchases: Purchases, scope: Scope) -> sparse.csr_matrix:
        bought = purchases.times.astype(bool).astype(np.float32)
        scores = only_allowed((bought @ self.similarity).tocsr(), self._assortment)
        if scope == "all":
            return scores
        known = purchases.times.astype(bool) if scope == "repeat" else purchases.ever.astype(bool)
        own = scores.multiply(known.astype(np.float32)).tocsr()
        return own if scope == "repeat" else (scores - own).tocsr()
