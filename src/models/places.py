"""Whose places they are: how many of them best sellers have, and which models agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.assortment import Assortment
from models.popularity import popularity
from models.ranking import Ids

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """The places of lists, one at least, spread over the products that may be recommended.

    Attributes:
        counts: Shape (products,): places of each product, what sells best of late first.
    """

    counts: Floats

    @property
    def shown(self) -> int:
        """How many products have a place at all."""
        return int((self.counts > 0).sum())

    @property
    def median_rank(self) -> int:
        """Half of the places have products that sell at least as well as the one of this rank."""
        return int(np.searchsorted(self.up_to, 0.5)) + 1

    @property
    def up_to(self) -> Floats:
        """The share of the places that the first 1, 2, 3 ... products have."""
        return np.asarray(np.cumsum(self.counts) / self.counts.sum(), np.float64)


def places_of(ids: Ids, assortment: Assortment) -> Places:
    """Count the places of each product in lists of any shape; -1 is a place without one."""
    counts = np.bincount(ids[ids >= 0], minlength=len(assortment.product_ids))
    return Places(counts[_by_sales(assortment)].astype(np.float64))


def overlap(lists: Sequence[Ids]) -> Floats:
    """Return how much of two lists of a customer is in both, the mean over customers.

    It is the products in both over those of the shorter list; customers for whom either list is
    empty do not count.

    Args:
        lists: One per model, each of shape (customers, n), -1 where there is none.

    Returns:
        Shape (models, models), symmetric; nan where no customer has both lists.
    """
    found = np.full((len(lists), len(lists)), np.nan)
    lengths = [(ids >= 0).sum(axis=1) for ids in lists]
    for one, two in np.ndindex(*found.shape):
        shorter = np.minimum(lengths[one], lengths[two])
        both = (lists[one][:, :, None] == lists[two][:, None, :]) & (lists[one] >= 0)[:, :, None]
        shared, count = both.sum(axis=(1, 2)), shorter > 0
        if count.any():
            found[one, two] = (shared[count] / shorter[count]).mean()
    return found


def _by_sales(assortment: Assortment) -> NDArray[np.int64]:
    """Return the products that may be recommended, best sellers of the last 30 days first."""
    allowed = np.flatnonzero(assortment.allowed)
    return allowed[np.argsort(-popularity(assortment)[allowed], kind="stable")]
