from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from core.errors import NotEnoughDataError
from models.als import Als, AlsParams, AlsSpace, confidence, tune
from models.assortment import Assortment
from models.interactions import Purchases

PARAMS = AlsParams(factors=2, regularisation=0.1, alpha=1.0, iterations=15)
SHOES, BOOKS = range(6), range(6, 12)


def assortment(products: int = 12) -> Assortment:
    ones = np.ones(products, dtype=np.float32)
    return Assortment(
        product_ids=np.array([f"p{number:02}" for number in range(products)]),
        allowed=ones.astype(bool),
        sold=ones,
        sold_ever=ones,
    )


def two_tribes() -> Purchases:
    """Forty customers who buy shoes only, or books only; each leaves two out."""
    generator = np.random.default_rng(3)
    times = np.zeros((40, 12), dtype=np.float32)
    for row in range(40):
        tribe = SHOES if row % 2 else BOOKS
        times[row, generator.permutation(tribe)[:4]] = 1 + row % 3
    cells = sparse.csr_matrix(times)
    return Purchases(times=cells, recent=cells, ever=cells)


def test_a_shopper_of_shoes_gets_the_other_shoes() -> None:
    purchases = two_tribes()

    ranked = Als.fit(purchases, assortment(), PARAMS, seed=7).rank(purchases, 2, "new")

    for row, ids in enumerate(ranked.ids):
        assert set(ids) <= set(SHOES if row % 2 else BOOKS), row


def test_the_same_seed_gives_the_same_bits() -> None:
    first = Als.fit(two_tribes(), assortment(), PARAMS, seed=7).factors

    assert np.array_equal(first, Als.fit(two_tribes(), assortment(), PARAMS, seed=7).factors)
    assert not np.array_equal(first, Als.fit(two_tribes(), assortment(), PARAMS, seed=8).factors)


def test_a_customer_is_solved_from_purchases_as_implicit_does_it() -> None:
    purchases = two_tribes()
    model = Als.fit(purchases, assortment(), PARAMS, seed=7)

    got = model.customers(purchases.rows(slice(0, 1)))[0].astype(np.float64)

    # The normal equations of Hu, Koren & Volinsky, with a preference of 1 where bought.
    items = model.factors.astype(np.float64)
    bought = PARAMS.alpha * confidence(purchases.times[0]).toarray()[0]
    extra = np.where(bought > 0, bought - 1, 0)
    left = items.T @ items + items.T @ (extra[:, None] * items) + PARAMS.regularisation * np.eye(2)
    assert got == pytest.approx(np.linalg.solve(left, items.T @ bought), rel=1e-3)


def test_own_products_score_the_same_in_every_scope() -> None:
    purchases = two_tribes()
    model = Als.fit(purchases, assortment(), PARAMS, seed=7)

    everything = model.rank(purchases, 12, "all")
    own = model.rank(purchases, 4, "repeat")

    for row in range(len(purchases)):
        known = dict(zip(everything.ids[row], everything.scores[row], strict=True))
        assert own.scores[row].tolist() == pytest.approx(
            [known[at] for at in own.ids[row]], rel=1e-4
        )


def test_factors_find_their_products_in_another_catalogue() -> None:
    purchases = two_tribes()
    model = Als.fit(purchases, assortment(), PARAMS, seed=7)
    later = assortment(14)
    later.allowed[0] = False

    moved = Als(model.params, model.product_ids, model.factors, later)
    wider = sparse.csr_matrix(np.pad(purchases.times.toarray(), ((0, 0), (0, 2))))
    ranked = moved.rank(Purchases(times=wider, recent=wider, ever=wider), 14, "all")

    assert ranked.ids.max() < 12  # nothing is known of the two new products
    assert not (ranked.ids == 0).any()


def test_products_that_one_customer_bought_are_not_enough() -> None:
    lonely = sparse.csr_matrix(np.eye(3, 12, dtype=np.float32))

    with pytest.raises(NotEnoughDataError, match="shared tastes"):
        Als.fit(Purchases(times=lonely, recent=lonely, ever=lonely), assortment(), PARAMS, seed=7)


def test_repeats_count_less_and_less() -> None:
    assert confidence(sparse.csr_matrix([[1.0, 3.0, 7.0]])).data.tolist() == [1, 2, 3]


def test_tuning_finds_what_scores_best_and_repeats() -> None:
    def likes_small_alpha(params: AlsParams) -> float:
        return -params.alpha

    best = tune(likes_small_alpha, trials=12, seed=7)

    assert best.alpha < AlsParams().alpha
    assert tune(likes_small_alpha, trials=12, seed=7) == best
    assert tune(likes_small_alpha, trials=0, seed=7) == AlsParams()


def test_tuning_looks_where_it_is_told_to_and_begins_with_the_first() -> None:
    first = AlsParams(factors=256, regularisation=3, alpha=20, iterations=9)
    space = AlsSpace(
        first=first, factors=(192, 256), regularisation=(0.01, 30.0), alpha=(1.0, 60.0)
    )
    tried: list[AlsParams] = []

    def likes_no_regularisation(params: AlsParams) -> float:
        tried.append(params)
        return -params.regularisation

    best = tune(likes_no_regularisation, trials=8, seed=7, space=space)

    assert tried[0] == first
    assert {each.factors for each in tried} == {192, 256}
    assert {each.iterations for each in tried} == {9}
    assert best == min(tried, key=lambda each: each.regularisation)
    assert tune(likes_no_regularisation, trials=0, seed=7, space=space) == first
