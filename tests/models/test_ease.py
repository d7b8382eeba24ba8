from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import NotEnoughDataError
from models.ease import EaseParams, fit_ease
from tests.models.corner_shop import NOBODY, assortment

BOUGHT = sparse.csr_matrix((np.random.default_rng(5).random((60, 6)) < 0.4).astype(np.float32))


def test_weights_are_the_regression_of_each_product_on_the_others() -> None:
    """Golden: ridge regression, product by product, as the paper's closed form solves it."""
    found = fit_ease(BOUGHT, assortment(), EaseParams(regularisation=3)).similarity.toarray()

    cells = BOUGHT.toarray().astype(np.float64)
    for product in range(6):
        others = [at for at in range(6) if at != product]
        x = cells[:, others]
        weights = np.linalg.solve(x.T @ x + 3 * np.eye(5), x.T @ cells[:, product])
        assert found[others, product] == pytest.approx(weights, abs=1e-5)
        assert found[product, product] == 0


def test_only_the_most_bought_products_take_part() -> None:
    found = fit_ease(BOUGHT, assortment(), EaseParams(regularisation=3, products=2))

    buyers = np.diff(BOUGHT.tocsc().indptr)
    rows, columns = found.similarity.nonzero()
    assert {*rows.tolist(), *columns.tolist()} == {*np.argsort(-buyers, kind="stable")[:2].tolist()}


def test_each_product_keeps_its_largest_weights() -> None:
    found = fit_ease(BOUGHT, assortment(), EaseParams(regularisation=3, neighbours=2))

    assert np.diff(found.similarity.indptr).tolist() == [2] * 6


def test_without_purchases_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(NotEnoughDataError, match="nothing was bought"):
        fit_ease(NOBODY.times, assortment(), EaseParams())
