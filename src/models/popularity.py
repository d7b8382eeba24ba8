"""Popularity: what sells most, the same for everybody. The rule every recommender must beat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment
from models.interactions import Purchases
from models.ranking import Ranked, Scope, best_cells, nothing

_BLOCK: Final = 1_000  # customers at once, to keep memory flat


def popularity(assortment: Assortment) -> NDArray[np.float64]:
    """Return the orders of the last 30 days per product; orders ever break ties, below 1.

    So the whole assortment that ever sold has a place, and what sells now comes first.
    """
    ever = assortment.sold_ever.astype(np.float64)
    return np.asarray(assortment.sold + ever / (1 + ever.max(initial=0)), np.float64)


def fading(assortment: Assortment) -> NDArray[np.float64]:
    """Return the orders per product, halved every `FADING`; where times are not known, of ever."""
    known = assortment.sold_ever if assortment.fading is None else assortment.fading
    return np.asarray(known, np.float64)


class Popularity:
    """Ranks by one score of each product: by default, its orders of the last 30 days."""

    def __init__(
        self,
        assortment: Assortment,
        score: Callable[[Assortment], NDArray[np.float64]] = popularity,
    ) -> None:
        """Take the score of products, which is the name; a product at zero is not ranked."""
        self.name = score.__name__
        self._by = score
        self._rank(assortment, score(assortment))

    def at(self, assortment: Assortment) -> Self:
        """Return the same for the catalogue and the sales of another instant."""
        return type(self)(assortment, self._by)

    def _rank(self, assortment: Assortment, score: NDArray[np.float64]) -> None:
        sells = np.flatnonzero(assortment.allowed & (score > 0))
        self._score = score.astype(np.float32)
        self._order = sells[np.lexsort((sells, -score[sells]))].astype(np.int32)
        self._place = np.full(len(score), len(score), dtype=np.int64)  # in the order; or past it
        self._place[self._order] = np.arange(len(self._order))

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return what sells best, of all products, of the customer's own, or of the others."""
        if scope == "repeat":
            own = purchases.times.copy()
            # Places instead of scores: whole numbers stay exact in float32.
            own.data = np.maximum(len(self._order) - self._place[own.indices], 0).astype(np.float32)
            ids = best_cells(own, n).ids
        elif scope == "new":
            blocks = range(0, len(purchases), _BLOCK)
            parts = [self._unseen(purchases.ever[at : at + _BLOCK], n) for at in blocks]
            ids = np.concatenate([nothing(0, n).ids, *parts])
        else:
            ids = nothing(len(purchases), n).ids
            ids[:, : len(self._order)] = self._order[:n]
        return Ranked(ids, np.where(ids >= 0, self._score[ids], 0).astype(np.float32))

    def _unseen(self, bought: sparse.csr_matrix, n: int) -> NDArray[np.int32]:
        """Walk down the order, past what each customer bought, until there are `n`."""
        counts = np.diff(bought.indptr)
        deep = min(n + int(counts.max(initial=0)), len(self._order))
        free = np.ones((bought.shape[0], deep), dtype=np.bool_)
        rows, places = np.repeat(np.arange(len(counts)), counts), self._place[bought.indices]
        free[rows[places < deep], places[places < deep]] = False
        nth = free.cumsum(axis=1)
        row, place = np.nonzero(free & (nth <= n))
        ids = nothing(len(counts), n).ids
        ids[row, nth[row, place] - 1] = self._order[place]
        return ids
