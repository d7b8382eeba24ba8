"""Popularity: what sold most in the last 30 days. The rule every recommender must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.assortment import Assortment
from models.interactions import Purchases
from models.ranking import Ranked, Scope, best_cells, best_products


def popularity(assortment: Assortment) -> NDArray[np.float64]:
    """Return the orders of the last 30 days per product; orders ever break ties, below 1.

    So the whole assortment that ever sold has a place, and what sells now comes first.
    """
    ever = assortment.sold_ever.astype(np.float64)
    return np.asarray(assortment.sold + ever / (1 + ever.max(initial=0)), np.float64)


class Popularity:
    """Ranks by orders of the last 30 days, the same for everybody."""

    name = "popularity"

    def __init__(self, assortment: Assortment) -> None:
        score = popularity(assortment)
        self._sells = np.flatnonzero(assortment.allowed & (score > 0))
        # Places instead of counts: whole numbers stay exact in the kernel's float32.
        order = np.lexsort((self._sells, -score[self._sells]))
        self._places = np.zeros(len(score), dtype=np.float32)
        self._places[self._sells[order]] = np.arange(len(order), 0, -1)
        self._score = score.astype(np.float32)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return what sells best, of all products, of the customer's own, or of the others."""
        if scope == "repeat":
            places = purchases.times.copy()
            places.data = self._places[places.indices]
            ranked = best_cells(places, n)
        else:
            ranked = best_products(
                np.ones((len(purchases), 1), np.float32),
                self._places[self._sells, None],
                n,
                columns=self._sells,
                without=purchases.times if scope == "new" else None,
            )
        return Ranked(ranked.ids, np.where(ranked.ids >= 0, self._score[ranked.ids], 0))
