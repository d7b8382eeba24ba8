"""Implicit ALS: products that people with the same tastes buy.

Only product factors are kept. A customer's factors are solved from their purchases when they
are needed, so the model file holds no customer, and somebody new after training counts too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Self

import numpy as np
import optuna
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from core.errors import NotEnoughDataError
from models.assortment import Assortment, Strings
from models.interactions import Purchases
from models.ranking import (
    THREADS,
    Ranked,
    Scope,
    best_cells,
    best_products,
    only_allowed,
)
from models.search import search

# A product that one customer bought ties nobody's tastes to anybody else's.
MIN_BUYERS: Final = 2

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsParams:
    """What ALS is fitted with. `alpha`: confidence a purchase adds; see `confidence`."""

    factors: int = 64
    regularisation: float = 20.0
    alpha: float = 1.0
    iterations: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsSpace:
    """Where `tune` looks. The defaults serve a shop.

    Attributes:
        first: The first trial, and the answer where there are no others. Iterations are its.
        factors: Numbers of factors to choose from.
        regularisation: Lowest and highest; searched by their logarithm, as is `alpha`.
        alpha: Lowest and highest.
    """

    first: AlsParams = field(default_factory=AlsParams)
    factors: tuple[int, ...] = (32, 64, 128)
    regularisation: tuple[float, float] = (0.1, 100.0)
    alpha: tuple[float, float] = (0.1, 30.0)


class Als:
    """Ranks by the dot product of customer and product factors.

    Source:
        Hu, Koren & Volinsky, "Collaborative Filtering for Implicit Feedback Datasets",
        ICDM 2008, by the `implicit` library.
    """

    name = "als"

    def __init__(
        self, params: AlsParams, product_ids: Strings, factors: Floats, assortment: Assortment
    ) -> None:
        """Bring the factors of `product_ids` to the dense ids of `assortment`."""
        at = assortment.positions(product_ids)
        self.params = params
        self.product_ids = product_ids[at >= 0]
        self.factors = np.ascontiguousarray(factors[at >= 0], np.float32)
        self._columns = at[at >= 0]
        self._assortment = assortment
        self._offered = np.flatnonzero(assortment.allowed[self._columns])
        self._solver = _solver(params)
        self._solver.item_factors = self.factors

    @classmethod
    def fit(
        cls, purchases: Purchases, assortment: Assortment, params: AlsParams, *, seed: int
    ) -> Self:
        """Learn product factors; the same input and seed give the same bits.

        Raises:
            NotEnoughDataError: No product has `MIN_BUYERS` buyers.
        """
        columns = shared_products(purchases)
        with threadpool_limits(1, "blas"):  # BLAS threads inside of implicit's make it crawl
            model = _solver(params, seed)
            model.fit(confidence(purchases.times[:, columns]), show_progress=False)
        return cls(params, assortment.product_ids[columns], model.item_factors, assortment)

    def at(self, assortment: Assortment) -> Self:
        """Return this model for the catalogue of another instant."""
        return type(self)(self.params, self.product_ids, self.factors, assortment)

    def customers(self, purchases: Purchases) -> Floats:
        """Solve the factors of customers from what they bought; none for who bought nothing."""
        if not len(purchases):
            return np.zeros((0, self.factors.shape[1]), np.float32)
        known = confidence(purchases.times[:, self._columns])
        with threadpool_limits(1, "blas"):
            solved = self._solver.recalculate_user(np.arange(len(purchases)), known)
        return np.where(np.diff(known.indptr)[:, None] > 0, solved, 0).astype(np.float32)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return the products whose factors fit the customer's best."""
        return self.lists(purchases, n, [scope])[scope]

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Rank in several scopes, with customers solved once."""
        queries = self.customers(purchases)
        return {scope: self._best(queries, purchases, n, scope) for scope in scopes}

    def _best(self, queries: Floats, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        if scope == "repeat":
            return best_cells(only_allowed(self._own(queries, purchases), self._assortment), n)
        return best_products(
            queries,
            self.factors[self._offered],
            n,
            columns=self._columns[self._offered],
            without=purchases.ever if scope == "new" else None,
        )

    def _own(self, queries: Floats, purchases: Purchases) -> sparse.csr_matrix:
        """Score only what customers bought: a few cells, not the whole assortment."""
        place = np.full(purchases.times.shape[1], -1)
        place[self._columns] = np.arange(len(self._columns))
        cells = purchases.times.copy()
        rows = np.repeat(np.arange(len(purchases)), np.diff(cells.indptr))
        known = place[cells.indices]
        score = np.einsum("ij,ij->i", queries[rows], self.factors[known])
        cells.data = np.where(known >= 0, score, 0).astype(np.float32)
        return cells


def shared_products(purchases: Purchases) -> NDArray[np.intp]:
    """Return the products that tie tastes together: columns with `MIN_BUYERS` buyers or more.

    Raises:
        NotEnoughDataError: There is none.
    """
    buyers = np.bincount(purchases.times.indices, minlength=purchases.times.shape[1])
    columns = np.flatnonzero(buyers >= MIN_BUYERS)
    if not len(columns):
        raise NotEnoughDataError(
            f"no product was bought by {MIN_BUYERS} customers or more: there are no shared "
            "tastes to learn from. Import more orders."
        )
    return columns


def confidence(times: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return log2(1 + orders): the tenth purchase of milk says less than the first."""
    damped = times.tocsr().astype(np.float32)
    damped.data = np.log2(1 + damped.data).astype(np.float32)
    return damped


def tune(
    score: Callable[[AlsParams], float], *, trials: int, seed: int, space: AlsSpace | None = None
) -> AlsParams:
    """Search alpha, regularisation and factors for the highest `score`.

    The first parameters of the space, by default those of a shop, are the first trial, so tuning
    is never worse than not tuning on what it is tuned on. `trials` = 0 keeps them.
    """
    space = space or AlsSpace()
    if not trials:
        return space.first
    first = asdict(space.first)

    def objective(trial: optuna.Trial) -> float:
        found = {
            "factors": trial.suggest_categorical("factors", space.factors),
            "regularisation": trial.suggest_float(
                "regularisation", *space.regularisation, log=True
            ),
            "alpha": trial.suggest_float("alpha", *space.alpha, log=True),
        }
        return score(AlsParams(**{**first, **found}))

    searched = {name: first[name] for name in ("factors", "regularisation", "alpha")}
    study = search(objective, searched, trials=trials, seed=seed)
    return AlsParams(**{**first, **study.best_params})


def _solver(params: AlsParams, seed: int | None = None) -> AlternatingLeastSquares:
    with threadpool_limits(1, "blas"):
        return AlternatingLeastSquares(
            factors=params.factors,
            regularization=params.regularisation,
            alpha=params.alpha,
            iterations=params.iterations,
            num_threads=THREADS,
            random_state=seed,
        )
