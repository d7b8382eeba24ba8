"""Ranking by similarity: products like those that a customer bought.

A model of this sort is a matrix of similarities between products. Nothing of any customer is
kept: lists come from purchases, so what somebody bought or viewed just now counts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment, Strings
from models.interactions import Purchases
from models.ranking import (
    NOTHING,
    Ranked,
    Scope,
    best_cells,
    nothing,
    only_allowed,
    split,
    stacked,
)

_BLOCK: Final = 500  # customers at once, to keep memory flat

# Products that tell a customer: a household of a grocer buys hundreds, and the last tell it well.
_PROFILE: Final = 100

# What a bought product counts: once, however often, or its orders as they fade.
Weight = Literal["once", "recent"]


class ItemItem:
    """Ranks by the summed similarity of a product to what the customer bought."""

    name: str

    def __init__(
        self,
        name: str,
        product_ids: Strings,
        similarity: sparse.csr_matrix,
        assortment: Assortment,
        *,
        weight: Weight = "once",
    ) -> None:
        """Bring similarities, shape (product_ids, product_ids), to the ids of `assortment`.

        A row is what is like a product: who bought that may get these.
        """
        self.name = name
        self.weight: Weight = weight
        at = assortment.positions(product_ids)
        cells = similarity.tocoo()
        rows, columns = at[cells.row], at[cells.col]
        known = (rows >= 0) & (columns >= 0)
        size = len(assortment.product_ids)
        self.similarity = sparse.csr_matrix(
            (cells.data[known].astype(np.float32), (rows[known], columns[known])),
            shape=(size, size),
        )
        self._assortment = assortment

    def at(self, assortment: Assortment) -> Self:
        """Return this model for the catalogue of another instant."""
        ids = self._assortment.product_ids
        return type(self)(self.name, ids, self.similarity, assortment, weight=self.weight)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return the products most similar to what the customer bought."""
        return self.lists(purchases, n, [scope])[scope]

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Rank in several scopes, with similarities summed once."""
        blocks: dict[Scope, list[Ranked]] = {scope: [nothing(0, n)] for scope in scopes}
        for start in range(0, len(purchases), _BLOCK):
            some = purchases.rows(slice(start, start + _BLOCK))
            scores = (self._weights(some) @ self.similarity).tocsr()
            scores.data *= self._assortment.allowed[scores.indices]
            for scope, cells in split(scores, some, scopes).items():
                blocks[scope].append(best_cells(cells, n))
        return {scope: stacked(parts) for scope, parts in blocks.items()}

    def because(self, purchases: Purchases, ranked: Ranked) -> NDArray[np.int32]:
        """Return which bought product speaks most for each place of the lists; -1: none does.

        One that may not be recommended is never named: nobody wants to read of tobacco either.
        """
        listed = ranked.ids >= 0
        rows, _ = np.nonzero(listed)
        towards = self._towards[ranked.ids[listed]]
        named = only_allowed(self._weights(purchases), self._assortment)
        speaks = towards.multiply(named[rows]).tocsr()
        reasons = np.full(ranked.ids.shape, NOTHING, np.int32)
        reasons[listed] = best_cells(speaks, 1).ids[:, 0]
        return reasons

    @cached_property
    def _towards(self) -> sparse.csr_matrix:
        return self.similarity.T.tocsr()

    def _weights(self, purchases: Purchases) -> sparse.csr_matrix:
        """Return what the products of each customer count: those bought most of late."""
        known = purchases.recent
        if np.diff(known.indptr).max(initial=0) > _PROFILE:
            top = best_cells(known, _PROFILE)
            at = np.nonzero(top.ids >= 0)
            known = sparse.csr_matrix((top.scores[at], (at[0], top.ids[at])), shape=known.shape)
        return known if self.weight == "recent" else known.sign()


def strongest(similarity: NDArray[np.floating], n: int) -> sparse.csr_matrix:
    """Keep the `n` largest similarities of each row, by size whatever their sign."""
    n = min(n, similarity.shape[1])
    found = np.argpartition(np.abs(similarity), -n, axis=1)[:, -n:]
    values = np.take_along_axis(similarity, found, axis=1)
    starts = np.arange(len(similarity) + 1) * n
    kept = sparse.csr_matrix((values.ravel(), found.ravel(), starts), shape=similarity.shape)
    kept.eliminate_zeros()
    return kept
