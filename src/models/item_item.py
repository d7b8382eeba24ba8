"""Ranking by similarity: products like those that a customer bought.

A model of this sort is a matrix of similarities between products. Nothing of any customer is
kept: lists come from purchases, so what somebody bought or viewed just now counts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Self

import numpy as np
from implicit.nearest_neighbours import all_pairs_knn
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment, Strings
from models.interactions import Purchases
from models.ranking import (
    NOTHING,
    THREADS,
    Ids,
    Ranked,
    Scope,
    best_cells,
    nothing,
    only_allowed,
    split,
    stacked,
)

_BLOCK: Final = 500  # customers at once, to keep memory flat
_FEW: Final = 100  # customers whose products are compared one with another

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
        same = np.array_equal(product_ids, assortment.product_ids)  # of another instant, mostly
        moved = similarity if same else _moved(similarity, product_ids, assortment)
        self.similarity = moved.astype(np.float32, copy=False)
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

    def because(self, purchases: Purchases, ranked: Ranked) -> Ids:
        """Return which bought product speaks most for each place of the lists; -1: none does.

        One that may not be recommended is never named: nobody wants to read of tobacco either.
        """
        named = only_allowed(self._weights(purchases), self._assortment)
        reasons = np.full(ranked.ids.shape, NOTHING, np.int32)
        for start in range(0, len(ranked.ids), _FEW):
            some = slice(start, start + _FEW)
            reasons[some] = self._because(named[some], ranked.ids[some])
        return reasons

    def _because(self, named: sparse.csr_matrix, ids: Ids) -> Ids:
        listed = (ids >= 0) & (np.diff(named.indptr) > 0)[:, None]
        rows, columns = np.nonzero(listed)
        found = np.full(ids.shape, NOTHING, np.int32)
        if not len(rows):
            return found
        # Each place beside all that its customer bought: the cells of `named`, once per place.
        counts = np.diff(named.indptr)[rows]
        begins = np.cumsum(counts) - counts
        cells = np.arange(counts.sum()) + np.repeat(named.indptr[rows] - begins, counts)
        bought, of_bought = np.unique(named.indices, return_inverse=True)
        shown, of_shown = np.unique(ids[listed], return_inverse=True)
        alike = self.similarity[bought][:, shown].toarray()
        speaks = named.data[cells] * alike[of_bought[cells], np.repeat(of_shown, counts)]
        most = np.maximum.reduceat(speaks, begins)
        first = np.flatnonzero((speaks == np.repeat(most, counts)) & (speaks > 0))
        at = np.searchsorted(begins, first, side="right") - 1
        # The first of equal ones is written last.
        found[rows[at[::-1]], columns[at[::-1]]] = named.indices[cells[first[::-1]]]
        return found

    def _weights(self, purchases: Purchases) -> sparse.csr_matrix:
        """Return what the products of each customer count: those bought most of late."""
        known = purchases.recent
        if np.diff(known.indptr).max(initial=0) > _PROFILE:
            top = best_cells(known, _PROFILE)
            at = np.nonzero(top.ids >= 0)
            known = sparse.csr_matrix((top.scores[at], (at[0], top.ids[at])), shape=known.shape)
        return known if self.weight == "recent" else known.sign()


def _moved(
    similarity: sparse.csr_matrix, product_ids: Strings, assortment: Assortment
) -> sparse.csr_matrix:
    """Bring similarities of `product_ids` to the ids of `assortment`."""
    at = assortment.positions(product_ids)
    cells = similarity.tocoo()
    rows, columns = at[cells.row], at[cells.col]
    known = (rows >= 0) & (columns >= 0)
    size = len(assortment.product_ids)
    return sparse.csr_matrix((cells.data[known], (rows[known], columns[known])), shape=(size, size))


def most_similar(cells: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """Return the `n` columns that are most similar to each column, by the dot product.

    Args:
        cells: Shape (rows, columns), of doubles: all that implicit's kernel takes.
        n: Neighbours of each, one more where a column is not among its own; who has fewer, has
            fewer.
    """
    # One more: a column is most similar to itself, which says nothing. What the kernel lacks
    # it fills with cells of nothing in the first row.
    found = all_pairs_knn(cells, n + 1, num_threads=THREADS, show_progress=False)
    kept = (found.data != 0) & (found.row != found.col)
    counts = np.bincount(found.row[kept], minlength=found.shape[0])
    starts = np.concatenate([[0], np.cumsum(counts)])
    similarity = sparse.csr_matrix(
        (found.data[kept].astype(np.float32), found.col[kept], starts), shape=found.shape
    )
    similarity.sort_indices()
    return similarity


def strongest(similarity: NDArray[np.floating], n: int) -> sparse.csr_matrix:
    """Keep the `n` largest similarities of each row, by size whatever their sign."""
    n = min(n, similarity.shape[1])
    found = np.argpartition(np.abs(similarity), -n, axis=1)[:, -n:]
    values = np.take_along_axis(similarity, found, axis=1)
    starts = np.arange(len(similarity) + 1) * n
    kept = sparse.csr_matrix((values.ravel(), found.ravel(), starts), shape=similarity.shape)
    kept.eliminate_zeros()
    return kept
