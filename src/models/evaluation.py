"""How good ranked lists are: recall and NDCG against what customers bought next.

The whole assortment is ranked, never a sample of it, and the split is by time: lists are made
from what was known before an instant, targets are what was bought after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import NotEnoughDataError
from models.interactions import Purchases
from models.ranking import Ids, Ranker, Scope, lists_of

SCOPES: Final[tuple[Scope, ...]] = ("all", "repeat", "new")
_BOUGHT: Final = {"all": "anything", "repeat": "anything again", "new": "anything new to them"}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Recall and NDCG at k of each customer who has targets, in the order of `customers`."""

    k: int
    customers: NDArray[np.int64]  # rows of the targets
    recall: Floats
    ndcg: Floats


def quality(ids: Ids, targets: sparse.csr_matrix, *, k: int) -> Quality:
    """Compare ranked lists with targets.

    Recall is hits over targets. DCG discounts the i-th place by log2(i + 1); the ideal DCG has
    min(k, targets) hits, so a perfect list scores 1 however many targets there are.

    Args:
        ids: Ranked products, shape (customers, at least k), -1 where there is none.
        targets: Shape (customers, products), nonzero where bought.
        k: Places that count.

    Raises:
        NotEnoughDataError: Nobody has a target.
    """
    counts = np.diff(targets.indptr)
    rows = np.flatnonzero(counts)
    if not len(rows):
        raise _nobody(_BOUGHT["all"])
    hits = _hits(ids[:, :k], targets)[rows]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(counts[rows], k) - 1]
    return Quality(
        k=k,
        customers=rows,
        recall=hits.sum(axis=1) / counts[rows],
        ndcg=hits @ discounts[: hits.shape[1]] / ideal,
    )


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
    return evaluate_scopes(ranker, purchases, targets, k=k, scopes=[scope])[scope]


def evaluate_scopes(
    ranker: Ranker,
    purchases: Purchases,
    targets: sparse.csr_matrix,
    *,
    k: int,
    scopes: Sequence[Scope] = SCOPES,
) -> dict[Scope, Quality]:
    """Return what `evaluate` returns for each scope."""
    return {
        scope: quality(ranked.ids, targets_of(scope, targets, purchases), k=k)
        for scope, ranked in lists_of(ranker, purchases, k, scopes).items()
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
