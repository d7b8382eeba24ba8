"""EASE: each product predicted from all others at once, by one linear regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from core.errors import NotEnoughDataError
from models.assortment import Assortment
from models.item_item import ItemItem, strongest
from models.ranking import THREADS

_ROWS: Final = 1_000  # of the inverse looked at together


@dataclass(frozen=True, slots=True, kw_only=True)
class EaseParams:
    """What EASE is fitted with.

    Attributes:
        regularisation: Added to each product's number of buyers.
        products: The most bought ones that take part: memory grows with their square, time with
            their cube. 20,000 take 1.6 GB.
        neighbours: Weights kept for each product.
    """

    regularisation: float = 300.0
    products: int = 5_000
    neighbours: int = 200


def fit_ease(bought: sparse.csr_matrix, assortment: Assortment, params: EaseParams) -> ItemItem:
    """Solve the regression in closed form, and keep the largest weights of each product.

    Args:
        bought: Shape (customers, products), positive where bought.
        assortment: The products of its columns.
        params: Regularisation and sizes.

    Raises:
        NotEnoughDataError: Nothing was bought.

    Source:
        Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. Weights are
        pruned: those of all products would be as large as their square.
    """
    cells = bought.astype(bool).astype(np.float32).tocsc()
    buyers = np.diff(cells.indptr)
    chosen = np.sort(np.argsort(-buyers, kind="stable")[: params.products])
    chosen = chosen[buyers[chosen] > 0]
    if not len(chosen):
        raise NotEnoughDataError("nothing was bought: there is nothing to learn from.")
    lower = _inverse(cells[:, chosen], params.regularisation)
    diagonal, columns = np.diag(lower).copy(), np.arange(len(chosen))
    blocks = []
    for start in range(0, len(chosen), _ROWS):
        rows = columns[start : start + _ROWS]
        inverse = np.where(columns <= rows[:, None], lower[rows], lower[:, rows].T)
        weights = -inverse / diagonal
        weights[np.arange(len(rows)), rows] = 0
        blocks.append(strongest(weights, params.neighbours))
    ids = assortment.product_ids[chosen]
    return ItemItem("ease", ids, sparse.vstack(blocks, format="csr"), assortment)


def _inverse(cells: sparse.csc_matrix, regularisation: float) -> NDArray[np.float32]:
    """Invert the co-occurrences of products in place: only the lower half is right."""
    gram = (cells.T @ cells).toarray(order="F")
    gram[np.diag_indices(len(gram))] += regularisation
    with threadpool_limits(THREADS, "blas"):
        factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
        inverse, singular = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise NotEnoughDataError("EASE cannot be solved: raise its regularisation.")
    return np.asarray(inverse)
