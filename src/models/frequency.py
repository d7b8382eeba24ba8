"""Personal frequency: what a customer buys again and again, old purchases counting less."""

from __future__ import annotations

from typing import Self

from models.assortment import Assortment
from models.interactions import Purchases
from models.popularity import popularity
from models.ranking import Ranked, Scope, best_cells, nothing, only_allowed


class Frequency:
    """Ranks a customer's own products by decayed orders; popularity breaks ties.

    It knows nothing of products the customer never bought.

    Source:
        TopFreq, the baseline of "A Next Basket Recommendation Reality Check"
        (arXiv 2109.14233), with orders halved every half-life.
    """

    name = "frequency"

    def __init__(self, assortment: Assortment) -> None:
        self._assortment = assortment
        score = popularity(assortment)
        self._tie = score / (1 + score.max(initial=0)) * 1e-4  # far below one recent order

    def at(self, assortment: Assortment) -> Self:
        """Return the same for the catalogue of another instant."""
        return type(self)(assortment)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return what the customer buys most; nothing at all for the scope `new`."""
        if scope == "new":
            return nothing(len(purchases), n)
        cells = purchases.recent.copy()
        cells.data = cells.data * (1 + self._tie[cells.indices]).astype(cells.dtype)
        return best_cells(only_allowed(cells, self._assortment), n)
