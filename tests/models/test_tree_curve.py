from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from models.evaluation import SCOPES, evaluate
from models.ranking import Scope
from models.tree_curve import tree_curve
from tests.models.lessons import CUSTOMERS, PRODUCTS, lesson
from tests.models.test_hybrid import fitted


def test_the_last_point_is_the_hybrid_itself_and_rising_trees_lead_to_it() -> None:
    model, unseen = fitted(), lesson(seed=4)

    curve = tree_curve(model, unseen.purchases, unseen.targets, k=5, seed=7, step=8)

    scopes: tuple[Scope, ...] = ("all", "repeat")  # what was never bought is no target here
    assert curve.trees == [8, 16, 20]
    assert [*curve.ndcg] == [*scopes]
    for scope, values in curve.ndcg.items():
        assert values.shape == (3, CUSTOMERS)
        whole = evaluate(model, unseen.purchases, unseen.targets, k=5, scope=scope)
        np.testing.assert_allclose(values[-1], whole.ndcg)


def test_fewer_customers_are_drawn_and_are_the_same_each_time() -> None:
    model, unseen = fitted(), lesson(seed=4)
    times = unseen.purchases.times.toarray()
    targets = sparse.csr_matrix(np.isin(times, [0, 2]).astype(np.float32))

    def drawn(seed: int) -> list[float]:
        curve = tree_curve(model, unseen.purchases, targets, k=5, seed=seed, customers=40)
        assert {*curve.ndcg} == {*SCOPES}
        assert all(values.shape == (2, 40) for values in curve.ndcg.values())
        return curve.ndcg["all"][-1].tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_it_leaves_the_trees_alone() -> None:
    model, unseen = fitted(), lesson(seed=4)
    before = model.booster.model_to_string()

    tree_curve(model, unseen.purchases, unseen.targets, k=5, seed=7)

    assert model.booster.model_to_string() == before


def test_without_a_target_there_is_no_curve() -> None:
    nothing = sparse.csr_matrix((CUSTOMERS, PRODUCTS), dtype=np.float32)

    curve = tree_curve(fitted(), lesson().purchases, nothing, k=5, seed=7)

    assert curve.ndcg == {}


@pytest.mark.parametrize("step", [1, 50])
def test_any_step_ends_with_all_trees(step: int) -> None:
    taught = lesson()

    curve = tree_curve(fitted(), taught.purchases, taught.targets, k=5, seed=7, step=step)

    assert curve.trees[-1] == 20
