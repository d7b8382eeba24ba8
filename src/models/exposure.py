"""What lists show when taken together: how much of the assortment, how new, how mixed.

None of these says whether anybody buys. They show what recall hides: a model that shows the same
few hundred products to everybody.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment
from models.ranking import Ids

# Lists whose diversity is measured, evenly taken from all: its mean moves in the third digit.
_LISTS: Final = 2_000
_BLOCK: Final = 500  # lists at once, to keep memory flat


@dataclass(frozen=True, slots=True)
class Exposure:
    """What lists show together; nan where they show too little to tell."""

    coverage: float
    gini: float
    novelty: float  # bits
    diversity: float

    def figures(self) -> dict[str, float | None]:
        """Return the figures by name; None for nan, which JSON does not have."""
        return {name: None if np.isnan(one) else one for name, one in asdict(self).items()}


def exposure(ids: Ids, assortment: Assortment, bought: sparse.csr_matrix) -> Exposure:
    """Measure lists by all four; see there.

    Args:
        ids: Ranked products, shape (customers, k), -1 where there is none.
        assortment: What may be recommended, and categories where they are known.
        bought: Shape (any customers, products), positive where bought before the lists.
    """
    return Exposure(
        coverage=coverage(ids, assortment.allowed),
        gini=gini(ids, assortment.allowed),
        novelty=novelty(ids, bought),
        diversity=diversity(ids, features_of(assortment, bought)),
    )


def coverage(ids: Ids, allowed: NDArray[np.bool_]) -> float:
    """Return the share of the allowed products that at least one customer is shown.

    Source:
        Ge, Delgado-Battenfeld & Jannach, "Beyond accuracy: evaluating recommender systems by
        coverage and serendipity", RecSys 2010.
    """
    counts = _shown(ids, allowed)
    return float((counts > 0).mean()) if len(counts) else np.nan


def gini(ids: Ids, allowed: NDArray[np.bool_]) -> float:
    """Return how unequally the allowed products are shown: 0 all alike, near 1 all places to one.

    Source:
        Shani & Gunawardana, "Evaluating recommendation systems", in Recommender Systems
        Handbook, 2011; with n, not n - 1, below the line, so that one product has 0.
    """
    counts = np.sort(_shown(ids, allowed))
    if not counts.sum():
        return np.nan
    weights = 2 * np.arange(1, len(counts) + 1) - len(counts) - 1
    return float(weights @ counts / (len(counts) * counts.sum()))


def novelty(ids: Ids, bought: sparse.csr_matrix) -> float:
    """Return the mean surprise of what is shown, in bits: -log2 of the share who bought it.

    What nobody bought counts as bought by one, so it is finite.

    Source:
        Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems",
        PNAS 107(10), 2010: self-information.
    """
    shown = ids[ids >= 0]
    if not len(shown):
        return np.nan
    buyers = np.maximum(np.bincount(bought.indices, minlength=bought.shape[1]), 1)
    return float(np.log2(max(bought.shape[0], 1) / buyers[shown]).mean())


def diversity(ids: Ids, features: sparse.csr_matrix) -> float:
    """Return one minus the mean similarity of two products of a list, over lists of two or more.

    Similarity is the inner product of features. The sum over all pairs of a list is then the
    squared length of their sum, less their own: no pair is ever looked at.

    Args:
        ids: Ranked products, shape (customers, k), -1 where there is none.
        features: Shape (products, any), of length 1 or, of products like no other, 0.

    Source:
        Ziegler et al., "Improving recommendation lists through topic diversification", WWW
        2005: intra-list similarity.
    """
    full = np.flatnonzero((ids >= 0).sum(axis=1) >= 2)
    if not len(full):
        return np.nan
    some = ids[full[np.linspace(0, len(full) - 1, min(len(full), _LISTS)).astype(int)]]
    own = np.asarray(features.multiply(features).sum(axis=1)).ravel()
    parts = [
        _dissimilarity(some[start : start + _BLOCK], features, own)
        for start in range(0, len(some), _BLOCK)
    ]
    return float(np.clip(np.concatenate(parts).mean(), 0, 1))


def features_of(assortment: Assortment, bought: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return what tells products apart, shape (products, features), each of length 1.

    Where categories are known, two products are alike by the share of levels they have in
    common: the department, and the category. Else by the cosine of their buyers. What has no
    category, or no buyer, is like nothing.

    Source:
        Kaminskas & Bridge, "Diversity, serendipity, novelty, and coverage", ACM TiiS 7(1),
        2016, section 3: distances by content and by ratings.
    """
    levels = [
        codes
        for codes in (assortment.department, assortment.category)
        if codes is not None and (codes >= 0).any()
    ]
    if levels:
        return sparse.hstack([_one_hot(each) for each in levels], format="csr") / len(levels) ** 0.5
    columns = bought.sign().astype(np.float64)
    buyers = np.bincount(columns.indices, minlength=columns.shape[1])
    return (sparse.diags(np.maximum(buyers, 1) ** -0.5) @ columns.T).tocsr()


def _one_hot(codes: NDArray[np.int32]) -> sparse.csr_matrix:
    known = np.flatnonzero(codes >= 0)
    shape = (len(codes), int(codes.max()) + 1)
    return sparse.csr_matrix((np.ones(len(known)), (known, codes[known])), shape=shape)


def _dissimilarity(
    ids: Ids, features: sparse.csr_matrix, own: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows, places = np.nonzero(ids >= 0)
    shape = (len(ids), features.shape[0])
    lists = sparse.csr_matrix((np.ones(len(rows)), (rows, ids[rows, places])), shape=shape)
    sums = (lists @ features).tocsr()
    lengths = np.asarray(sums.multiply(sums).sum(axis=1)).ravel()
    counts = np.diff(lists.indptr)
    return np.asarray(1 - (lengths - lists @ own) / (counts * (counts - 1)), np.float64)


def _shown(ids: Ids, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count how often each allowed product is shown."""
    return np.bincount(ids[ids >= 0], minlength=len(allowed))[allowed]
