"""Interactions as recommenders learn from them, and as they are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from core.errors import NotEnoughDataError
from models.assortment import POPULAR_WINDOW, Assortment
from models.evaluation import SCOPES, targets_of
from models.interactions import Purchases
from models.ranking import Scope, rows_of
from models.recommender import HALF_LIFE
from pipelines.interaction_files import ITEM, TIME, USER, WEIGHT
from pipelines.training import SEED

HELD_OUT: Final = 0.2  # of what a user has, as in the splits of papers; never of the test


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Interactions to learn from and to be measured against, over the same dense ids.

    Attributes:
        assortment: Items of either file.
        purchases: What users of either file have in the training file, maybe nothing.
        targets: What the same users have in the test file.
        scopes: In what the targets are measured.
    """

    assortment: Assortment
    purchases: Purchases
    targets: sparse.csr_matrix
    scopes: Sequence[Scope]

    @property
    def tested(self) -> Split:
        """The users who have targets, and only they."""
        rows = np.flatnonzero(np.diff(self.targets.indptr))
        return replace(self, purchases=self.purchases.rows(rows), targets=self.targets[rows])


def split_of(train: pd.DataFrame, test: pd.DataFrame) -> Split:
    """Bring both files to the same dense ids.

    What a user of the training file has there already is a target only where times are known:
    then it can be told from an item that stands in both files by mistake. An item that is only in
    the test file can be hit by nobody; it is a target all the same.

    Args:
        train: As `read_interactions` gives it.
        test: The same.

    Raises:
        NotEnoughDataError: No user of the test file is in the training file, or there is nothing
            that is new to them.
    """
    items = np.unique(np.concatenate([train[ITEM].unique(), test[ITEM].unique()]).astype(np.str_))
    users = np.unique(np.concatenate([train[USER].unique(), test[USER].unique()]).astype(np.str_))
    if not test[USER].isin(set(train[USER].unique().tolist())).any():
        raise NotEnoughDataError("no user of --test is in --train: there is nothing to compare.")

    def cells(frame: pd.DataFrame, values: NDArray[np.float64]) -> sparse.csr_matrix:
        return _matrix(frame, users, items, values)

    weights, times = train[WEIGHT].to_numpy(), train[TIME].to_numpy()
    timed = bool(np.isfinite(times).all())
    age = times.max() - times if timed else np.zeros(len(times))
    bought = cells(train, weights)
    window = train[age < POPULAR_WINDOW.total_seconds()]
    purchases = Purchases(
        times=bought,
        recent=cells(train, weights * 0.5 ** (age / HALF_LIFE.total_seconds())),
        ever=bought.sign(),
    )
    targets = cells(test, np.ones(len(test))).sign()
    known = np.flatnonzero(np.diff(bought.indptr))
    return Split(
        assortment=Assortment(
            product_ids=items,
            allowed=np.ones(len(items), dtype=np.bool_),
            sold=_users_of(cells(window, np.ones(len(window)))),
            sold_ever=_users_of(bought),
        ),
        purchases=purchases,
        targets=targets,
        scopes=_scopes(targets[known], purchases.rows(known), timed=timed),
    )


def held_out(train: pd.DataFrame, split: Split) -> Split:
    """Return a split of the training interactions alone, to tune on.

    Where times are known the last fifth of the interactions is held out, else a fifth of what
    each user has: like the test, either way. Only what is new to a user counts in it.

    Raises:
        NotEnoughDataError: There is too little to hold anything out.
    """
    times = train[TIME].to_numpy()
    too_little = NotEnoughDataError("there is too little in --train to hold out a fifth of it.")
    if np.isfinite(times).all():
        late = times > np.quantile(times, 1 - HELD_OUT)
        try:
            inner = split_of(train[~late], train[late])
        except NotEnoughDataError:
            raise too_little from None
    else:
        inner = _without_a_fifth(split)
    if not targets_of("new", inner.targets, inner.purchases).nnz:
        raise too_little
    return replace(inner, scopes=["new"])


def _without_a_fifth(split: Split) -> Split:
    cells = split.purchases.times
    rows, counts = rows_of(cells), np.diff(cells.indptr)
    order = np.lexsort((np.random.default_rng(SEED).random(cells.nnz), rows))
    held = np.empty(cells.nnz, dtype=np.bool_)
    held[order] = np.arange(cells.nnz) - cells.indptr[rows] < np.rint(counts * HELD_OUT)[rows]

    def part(chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
        at = (rows[chosen], cells.indices[chosen])
        return sparse.csr_matrix((cells.data[chosen], at), shape=cells.shape)

    kept = part(~held)
    purchases = Purchases(times=kept, recent=kept, ever=kept.sign())
    return replace(split, purchases=purchases, targets=part(held).sign())


def _scopes(targets: sparse.csr_matrix, purchases: Purchases, *, timed: bool) -> Sequence[Scope]:
    there = [scope for scope in SCOPES if targets_of(scope, targets, purchases).nnz]
    if timed and "repeat" in there:
        return there
    if "new" not in there:
        raise NotEnoughDataError(
            "--test holds nothing that its users do not have in --train. What is taken again "
            "counts only where there are times: name their column with --time-column."
        )
    return ["new"]


def _users_of(cells: sparse.csr_matrix) -> NDArray[np.float32]:
    return np.bincount(cells.indices, minlength=cells.shape[1]).astype(np.float32)


def _matrix(
    frame: pd.DataFrame,
    users: NDArray[np.str_],
    items: NDArray[np.str_],
    values: NDArray[np.float64],
) -> sparse.csr_matrix:
    rows = pd.Index(users).get_indexer(pd.Index(frame[USER]))
    columns = pd.Index(items).get_indexer(pd.Index(frame[ITEM]))
    shape = (len(users), len(items))
    matrix = sparse.csr_matrix((values, (rows, columns)), shape=shape, dtype=np.float32)
    matrix.sum_duplicates()
    return matrix
