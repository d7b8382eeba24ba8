"""Ranked products of many customers at once, and the steps all recommenders share.

A place without a product is -1 and stands at the end of its row. implicit fills such places
with arbitrary or already bought products at a score of zero or below; none of them gets
through `best_products`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
from implicit.cpu.topk import topk
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from models.assortment import Assortment
from models.interactions import Purchases

THREADS: Final = 2
NOTHING: Final = -1
_BLOCK: Final = 1_000  # customers compared at once, to keep memory flat
_BITS, _OF_A_FLOAT = np.uint64(64), np.uint64(32)
_LARGEST: Final = np.uint32(0xFFFFFFFF)
_TO_STEP: Final = np.uint32(20)  # of the bits of a positive float; what is left are the steps
_STEPS: Final = 1 << 11

Ids = NDArray[np.int32]
Floats = NDArray[np.float32]

# What may be ranked: everything, only what the customer bought before, or only what not.
Scope = Literal["all", "repeat", "new"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Products of each customer, best first: dense ids and scores, shape (customers, n)."""

    ids: Ids
    scores: Floats


class Ranker(Protocol):
    """Ranks the whole assortment for each customer. An unknown customer is an empty row."""

    name: str

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return up to `n` products for each customer, none twice, only allowed ones."""
        ...


@runtime_checkable
class OnePass(Ranker, Protocol):
    """Ranks in several scopes for little more than one takes."""

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Return what `rank` returns for each scope."""
        ...


def lists_of(
    ranker: Ranker, purchases: Purchases, n: int, scopes: Sequence[Scope]
) -> dict[Scope, Ranked]:
    """Rank in several scopes."""
    if isinstance(ranker, OnePass):
        return ranker.lists(purchases, n, scopes)
    return {scope: ranker.rank(purchases, n, scope) for scope in scopes}


def best_products(
    queries: Floats,
    factors: Floats,
    n: int,
    *,
    columns: NDArray[np.integer],
    without: sparse.csr_matrix | None = None,
) -> Ranked:
    """Rank products by the dot product of customer and product, positive ones only.

    Args:
        queries: Shape (customers, f).
        factors: Shape (len(columns), f).
        n: Length of the lists; rows that have fewer end in -1.
        columns: Dense id of each row of `factors`.
        without: Shape (customers, products): cells that must not be ranked.
    """
    if not len(queries) or not len(columns):
        return nothing(len(queries), n)
    hidden = without[:, columns].tocsr() if without is not None else None
    with threadpool_limits(1, "blas"):  # threads of BLAS inside of implicit's stand in their way
        ids, scores = topk(
            np.ascontiguousarray(factors, np.float32),
            np.ascontiguousarray(queries, np.float32),
            min(n, len(columns)),
            filter_query_items=hidden,
            num_threads=THREADS,
        )
    real = (scores > 0) & (ids >= 0)
    found = np.where(real, columns[np.where(real, ids, 0)], NOTHING).astype(np.int32)
    return _padded(Ranked(found, np.where(real, scores, 0).astype(np.float32)), n)


def best_cells(cells: sparse.csr_matrix, n: int) -> Ranked:
    """Rank the positive cells of each row; equal ones by product, so that runs repeat."""
    for_columns = np.uint64(max(cells.shape[1] - 1, 1).bit_length())
    # Row, score and column side by side in 64 bits: sorting numbers is 20 times as fast as
    # sorting by three keys.
    at_once = min(1 << int(_BITS - _OF_A_FLOAT - for_columns), _BLOCK)
    ranked = nothing(cells.shape[0], n)
    for start in range(0, cells.shape[0], at_once):
        part = cells[start : start + at_once]
        kept = may_be_first(part, n)
        keys = rows_of(part)[kept].astype(np.uint64) << (_OF_A_FLOAT + for_columns)
        keys |= (_LARGEST - _bits(part.data[kept])).astype(np.uint64) << for_columns
        keys |= part.indices[kept].astype(np.uint64)
        keys.sort()
        rows = (keys >> (_OF_A_FLOAT + for_columns)).astype(np.int64)
        counts = np.bincount(rows, minlength=part.shape[0])
        place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = place < n
        at = (rows[first] + start, place[first])
        ranked.ids[at] = keys[first] & ((np.uint64(1) << for_columns) - np.uint64(1))
        ranked.scores[at] = (_LARGEST - (keys[first] >> for_columns).astype(np.uint32)).view(
            np.float32
        )
    return ranked


def may_be_first(cells: sparse.csr_matrix, n: int) -> NDArray[np.int64]:
    """Return which stored cells may be among the `n` first of their row: all these, and some more.

    Scores fall into steps of an eighth of a power of two. What is in a lower step than the `n`-th
    needs no sorting, and that is most of them.
    """
    rows, bits, count = rows_of(cells), _bits(cells.data), cells.shape[0]
    step = rows * _STEPS + (bits >> _TO_STEP)
    found = np.bincount(step, minlength=count * _STEPS).reshape(count, _STEPS)
    at_least = found[:, ::-1].cumsum(axis=1)[:, ::-1]
    lowest = np.maximum((at_least >= n).sum(axis=1) - 1, 0)
    return np.flatnonzero((bits > 0) & (step >= (np.arange(count) * _STEPS + lowest)[rows]))


def _bits(scores: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Return the bits of positive scores, which are in their order, and 0 for all others."""
    return np.where(scores > 0, scores, 0).astype(np.float32).view(np.uint32)


def rows_of(cells: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return the row of each cell that is stored."""
    return np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))


def split(
    cells: sparse.csr_matrix, purchases: Purchases, scopes: Sequence[Scope]
) -> dict[Scope, sparse.csr_matrix]:
    """Return `cells` for each scope, those outside of it set to zero."""
    at = rows_of(cells) * np.int64(cells.shape[1]) + cells.indices
    found: dict[Scope, sparse.csr_matrix] = {}
    for scope in scopes:
        kept = cells
        if scope != "all":
            known = purchases.times if scope == "repeat" else purchases.ever
            is_known = np.zeros(cells.shape, dtype=np.bool_)
            is_known[rows_of(known), known.indices] = known.data > 0
            within = is_known.ravel()[at] ^ (scope == "new")
            kept = sparse.csr_matrix(
                (cells.data * within, cells.indices, cells.indptr), shape=cells.shape
            )
        found[scope] = kept
    return found


def stacked(blocks: Sequence[Ranked]) -> Ranked:
    """Return the lists of several blocks of customers as one."""
    ids, scores = ([getattr(one, part) for one in blocks] for part in ("ids", "scores"))
    return Ranked(np.concatenate(ids), np.concatenate(scores))


def filled(first: Ranked, second: Ranked) -> tuple[Ranked, NDArray[np.bool_]]:
    """Fill the empty places of `first` with what `second` ranks and `first` does not.

    Returns:
        Lists as long as those of `first`, and where a place came from `second`.
    """
    n = first.ids.shape[1]
    seen = np.empty(second.ids.shape, dtype=np.bool_)
    for start in range(0, len(second.ids), _BLOCK):
        block = slice(start, start + _BLOCK)
        seen[block] = (second.ids[block, :, None] == first.ids[block, None, :]).any(axis=2)
    ids = np.concatenate([first.ids, np.where(seen, NOTHING, second.ids)], axis=1)
    scores = np.concatenate([first.scores, second.scores], axis=1)
    from_second = np.zeros(ids.shape, dtype=np.bool_)
    from_second[:, n:] = True
    order = np.argsort(ids == NOTHING, axis=1, kind="stable")[:, :n]
    taken = Ranked(
        np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )
    return taken, np.take_along_axis(from_second, order, axis=1) & (taken.ids != NOTHING)


def nothing(customers: int, n: int) -> Ranked:
    """Return empty lists."""
    return Ranked(
        np.full((customers, n), NOTHING, dtype=np.int32), np.zeros((customers, n), np.float32)
    )


def only_allowed(cells: sparse.csr_matrix, assortment: Assortment) -> sparse.csr_matrix:
    """Return `cells` with those of products that may not be recommended set to zero."""
    kept = cells.copy()
    kept.data *= assortment.allowed[kept.indices]
    return kept


class Filled:
    """One ranker, and another for the places it leaves empty."""

    def __init__(self, first: Ranker, second: Ranker) -> None:
        self.name = f"{first.name}-{second.name}"
        self._first = first
        self._second = second

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return the first ranker's products, then the second's."""
        return self.lists(purchases, n, [scope])[scope]

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Rank in several scopes."""
        first = lists_of(self._first, purchases, n, scopes)
        # Twice as many: the second may start with all that the first has already.
        second = lists_of(self._second, purchases, 2 * n, scopes)
        return {scope: filled(first[scope], second[scope])[0] for scope in scopes}


def _padded(ranked: Ranked, n: int) -> Ranked:
    """Move empty places to the end, and lengthen the lists to `n`."""
    order = np.argsort(ranked.ids == NOTHING, axis=1, kind="stable")
    padding = ((0, 0), (0, n - ranked.ids.shape[1]))
    return Ranked(
        np.pad(np.take_along_axis(ranked.ids, order, axis=1), padding, constant_values=NOTHING),
        np.pad(np.take_along_axis(ranked.scores, order, axis=1), padding),
    )
