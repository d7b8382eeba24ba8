"""A blend: the weighted sum of what several models say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import sparse

from models.interactions import Purchases
from models.ranking import Ranked, Ranker, Scope, best_cells

PROPOSED: Final = 200  # products of each model: the sum of far places is not worth its time


class Blend:
    """Ranks by weighted scores, each model's in units of its best score for that customer."""

    def __init__(self, rankers: Sequence[Ranker], weights: Sequence[float]) -> None:
        self.name = "+".join(each.name for each in rankers)
        self._parts = tuple(zip(rankers, weights, strict=True))

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return up to `n` products for each customer."""
        lists = [ranker.rank(purchases, max(n, PROPOSED), scope) for ranker, _ in self._parts]
        weights = [weight for _, weight in self._parts]
        return blended(lists, weights, n, products=purchases.times.shape[1])


def blended(lists: Sequence[Ranked], weights: Sequence[float], n: int, *, products: int) -> Ranked:
    """Return up to `n` products for each customer out of the lists of several models.

    Args:
        lists: What each model proposes to the same customers, best first.
        weights: What a model's best product counts.
        n: Length of the lists.
        products: How many there are.
    """
    shape = (len(lists[0].ids), products)
    total = sparse.csr_matrix(shape, dtype=np.float32)
    for ranked, weight in zip(lists, weights, strict=True):
        rows, places = np.nonzero(ranked.ids >= 0)
        best = ranked.scores[:, :1]
        share = weight * (ranked.scores / np.where(best > 0, best, 1))[rows, places]
        total += sparse.csr_matrix((share, (rows, ranked.ids[rows, places])), shape=shape)
    return best_cells(total.tocsr(), n)
