"""How good the hybrid's lists are by the first of its trees alone: would more of them help?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.evaluation import SCOPES, quality, targets_of
from models.hybrid import Hybrid, chances
from models.interactions import Purchases
from models.pairs import Pairs, pairs_of
from models.ranking import THREADS, Scope, best_cells, split

STEP: Final = 10  # trees from one point of the curve to the next
CUSTOMERS: Final = 300  # enough for a shape, and a second or two

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeCurve:
    """NDCG by the number of trees, of the same customers each time.

    Attributes:
        trees: How many are used, rising; the last is all of them.
        ndcg: Per scope, shape (len(trees), customers who have a target in it).
    """

    trees: Sequence[int]
    ndcg: Mapping[Scope, Floats]


def tree_curve(
    hybrid: Hybrid,
    purchases: Purchases,
    targets: sparse.csr_matrix,
    *,
    k: int,
    seed: int,
    step: int = STEP,
    customers: int = CUSTOMERS,
) -> TreeCurve:
    """Rank with the first trees, then with more of them, and compare with the targets.

    Candidates are gathered once and each tree is asked once. It is for looking at, not for
    choosing a number of trees: the targets are those a contest is judged by.

    Args:
        hybrid: Of the instant of `purchases`.
        purchases: What was known of customers.
        targets: What they bought after, which no tree has learnt from.
        k: Places that count.
        seed: Of the draw of customers.
        step: Trees from one point to the next.
        customers: The most who are looked at, drawn by chance from those with a target.

    Returns:
        A curve without the scopes in which none of those drawn has a target.
    """
    rows = np.flatnonzero(np.diff(targets.indptr))
    if len(rows) > customers:
        rows = np.sort(np.random.default_rng(seed).choice(rows, customers, replace=False))
    some = purchases.rows(rows)
    of_scope = {scope: targets_of(scope, targets[rows], some) for scope in SCOPES}
    wanted: dict[Scope, sparse.csr_matrix] = {s: t for s, t in of_scope.items() if t.nnz}
    pairs = pairs_of(hybrid.rankers, hybrid.assortment, some, hybrid.params.candidates, "all")
    found: dict[Scope, list[Floats]] = {scope: [] for scope in wanted}
    trees = []
    for number, scores in _scores(hybrid, pairs, step):
        cells = sparse.csr_matrix((scores, (pairs.rows, pairs.products)), shape=some.times.shape)
        trees.append(number)
        for scope, own in split(cells, some, [*wanted]).items():
            ranked = best_cells(own, k)
            found[scope].append(quality(ranked.ids, wanted[scope], k=k).ndcg)
    return TreeCurve(trees=trees, ndcg={scope: np.stack(rows) for scope, rows in found.items()})


def _scores(hybrid: Hybrid, pairs: Pairs, step: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Give numbers of trees with the scores by so many: what a tree says is added up."""
    total = hybrid.booster.num_trees()
    raw = np.zeros(len(pairs.rows))
    for start in range(0, total, step):
        number = min(step, total - start)
        raw += hybrid.booster.predict(
            pairs.values,
            start_iteration=start,
            num_iteration=number,
            raw_score=True,
            num_threads=THREADS,
        )
        yield start + number, chances(raw)
