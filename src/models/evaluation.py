"""How good ranked lists are, against what customers bought next.

The whole assortment is ranked, never a sample of it, and the split is by time: lists are made
from what was known before an instant, targets are what was bought after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import DataError, NotEnoughDataError
from models.interactions import Purchases
from models.ranking import Ids, Ranked, Ranker, Scope

SCOPES: Final[tuple[Scope, ...]] = ("all", "repeat", "new")
_BOUGHT: Final = {"all": "anything", "repeat": "anything again", "new": "anything new to them"}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures at k of each customer who has targets, in the order of `customers`.

    All are between 0 and 1; a perfect list has 1 in all of them, but in recall only where k
    places hold all targets.

    Attributes:
        k: Places that count.
        customers: Rows of the targets.
        recall: Hits over targets.
        ndcg: DCG discounts the i-th place by log2(i + 1); the ideal has min(k, targets) hits.
        reciprocal_rank: One over the place of the first hit; its mean is MRR.
        hit: One where there is any hit; its mean is the hit rate.
        average_precision: The sum of the precisions at the places of the hits, over
            min(k, targets); its mean is MAP.

    Source:
        Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS
        20(4), 2002. Voorhees, "The TREC-8 question answering track report", 1999 (MRR).
        Manning, Raghavan & Schütze, "Introduction to Information Retrieval", 2008, 8.4 (MAP),
        with what can be had in k places as the norm.
    """

    k: int
    customers: NDArray[np.int64]
    recall: Floats
    ndcg: Floats
    reciprocal_rank: Floats
    hit: Floats
    average_precision: Floats

    def means(self) -> dict[str, float]:
        """Return the means over customers by the names they are known by."""
        return {
            "recall": float(self.recall.mean()),
            "ndcg": float(self.ndcg.mean()),
            "mrr": float(self.reciprocal_rank.mean()),
            "hit_rate": float(self.hit.mean()),
            "map": float(self.average_precision.mean()),
        }

    def of(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the figures of some of `customers`."""
        arrays = [getattr(self, each.name)[chosen] for each in fields(self)[1:]]
        return type(self)(self.k, *arrays)


def quality(ids: Ids, targets: sparse.csr_matrix, *, k: int) -> Quality:
    """Compare the first `k` places of ranked lists with targets; see `qualities`."""
    return qualities(ids, targets, ks=[k])[k]


def qualities(ids: Ids, targets: sparse.csr_matrix, *, ks: Sequence[int]) -> dict[int, Quality]:
    """Compare ranked lists with targets at several lengths; the hits are found once.

    Args:
        ids: Ranked products, shape (customers, at least the largest k), -1 where there is none.
            Shorter lists count as if they ended in empty places.
        targets: Shape (customers, products), nonzero where bought.
        ks: Numbers of places that count.

    Raises:
        DataError: A k is not positive.
        NotEnoughDataError: Nobody has a target.
    """
    if min(ks) < 1:
        raise DataError(f"k must be at least 1, got {min(ks)}: a list without places shows nothing")
    counts = np.diff(targets.indptr)
    rows = np.flatnonzero(counts)
    if not len(rows):
        raise _nobody(_BOUGHT["all"])
    hits = _hits(ids[:, : max(ks)], targets)[rows]
    return {k: _at(k, rows, hits[:, :k], counts[rows]) for k in ks}


def _at(k: int, customers: NDArray[np.int64], hits: Floats, counts: NDArray[np.int32]) -> Quality:
    places = np.arange(1, hits.shape[1] + 1)
    possible = np.minimum(counts, k)
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))[possible - 1]
    precision = hits.cumsum(axis=1) / places
    return Quality(
        k=k,
        customers=customers,
        recall=hits.sum(axis=1) / counts,
        ndcg=hits @ (1 / np.log2(places + 1)) / ideal,
        reciprocal_rank=(hits / places).max(axis=1, initial=0),
        hit=hits.max(axis=1, initial=0),
        average_precision=(precision * hits).sum(axis=1) / possible,
    )


def by_history(found: Quality, purchases: Purchases) -> dict[str, Quality]:
    """Tell customers who had bought before from those who had not; a group of none is left out.

    Returns:
        `with_history` and `without_history`: in the latter the row of purchases is empty.
    """
    known = np.diff(purchases.ever.indptr)[found.customers] > 0
    groups = {"with_history": known, "without_history": ~known}
    return {name: found.of(chosen) for name, chosen in groups.items() if chosen.any()}


def targets_of(scope: Scope, targets: sparse.csr_matrix, purchases: Purchases) -> sparse.csr_matrix:
    """Return the targets that were bought before (`repeat`), that were not (`new`), or all.

    What was sent back wholly and is bought once more is neither: no list would show it.
    """
    if scope == "all":
        return targets
    known = purchases.times if scope == "repeat" else purchases.ever
    again = targets.multiply(known.astype(bool).astype(np.float32)).tocsr()
    kept = again if scope == "repeat" else (targets - again).tocsr()
    kept.eliminate_zeros()
    return kept


def require_targets(
    targets: sparse.csr_matrix, purchases: Purchases, scopes: Sequence[Scope]
) -> None:
    """Check before anything is fitted that there is something to be measured by.

    Raises:
        NotEnoughDataError: Nobody has a target in one of the scopes.
    """
    for scope in scopes:
        if not targets_of(scope, targets, purchases).nnz:
            raise _nobody(_BOUGHT[scope])


def evaluate(
    ranker: Ranker, purchases: Purchases, targets: sparse.csr_matrix, *, k: int, scope: Scope
) -> Quality:
    """Rank within `scope` and compare with the targets of that scope.

    In the scope `new` what a customer bought before is masked, in `repeat` all else is, as it
    is in the slots these lists are for.
    """
    lists = {scope: ranker.rank(purchases, k, scope)}
    return qualities_of(lists, purchases, targets, k=k)[scope]


def qualities_of(
    lists: Mapping[Scope, Ranked], purchases: Purchases, targets: sparse.csr_matrix, *, k: int
) -> dict[Scope, Quality]:
    """Compare the lists of each scope with the targets of that scope."""
    return {
        scope: quality(ranked.ids, targets_of(scope, targets, purchases), k=k)
        for scope, ranked in lists.items()
    }


def interval(values: Floats, *, seed: int, draws: int = 1_000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean over customers."""
    generator = np.random.default_rng(seed)
    means = [values[generator.integers(len(values), size=len(values))].mean() for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _nobody(bought: str) -> NotEnoughDataError:
    return NotEnoughDataError(
        f"nobody bought {bought} to test against. Import more orders, or widen the test window."
    )


def _hits(ids: Ids, targets: sparse.csr_matrix) -> Floats:
    """Say which places of the lists hold a target."""
    width = np.int64(targets.shape[1])
    rows = np.repeat(np.arange(targets.shape[0]), np.diff(targets.indptr))
    wanted = np.sort(rows * width + targets.indices)
    given = np.arange(len(ids))[:, None] * width + ids
    at = np.minimum(np.searchsorted(wanted, given), len(wanted) - 1)
    return np.asarray((wanted[at] == given) & (ids >= 0), np.float64)
