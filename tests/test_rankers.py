"""What every model that ranks products keeps to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from models.als import Als, AlsParams
from models.assortment import Assortment
from models.candidates import Candidate, CandidateParams, fit_candidates
from models.content import Content
from models.ease import EaseParams, fit_ease
from models.frequency import Frequency
from models.hybrid import Hybrid
from models.interactions import Purchases
from models.item_knn import ItemKnnParams, fit_item_knn
from models.popularity import Popularity, fading
from models.ranking import Scope, lists_of
from models.teaching import HybridParams, Lesson, teach
from tests.models.corner_shop import NOBODY, assortment, purchases

FOUR = purchases((3, 1, 0, 1, 0, 0), (1, 1, 2, 0, 0, 0), (0, 0, 1, 0, 5, 1), (0, 0, 0, 2, 7, 1))
SCOPES: tuple[Scope, ...] = ("all", "repeat", "new")
TEXTS = np.array(["white loaf", "white egg", "white milk", "oil", "black tea", "black wine"])
ALS = AlsParams(factors=2, regularisation=0.1, alpha=5.0, iterations=10)


def stock() -> Assortment:
    return replace(assortment(), text=TEXTS)


def hybrid_of() -> Hybrid:
    params = CandidateParams(als=ALS)
    models = fit_candidates(
        FOUR, stock(), params, orders=FOUR.times, content=Content(stock()), seed=7
    )
    after = sparse.csr_matrix(np.eye(4, 6, dtype=np.float32))
    lesson = Lesson(rankers=models, assortment=stock(), purchases=FOUR, targets=after)
    few = HybridParams(trees=3)
    return Hybrid.fit(teach([lesson], few, seed=7), models, stock(), few, seed=7)


EVERY: dict[str, Callable[[], Candidate]] = {
    "popularity": lambda: Popularity(stock()),
    "fading": lambda: Popularity(stock(), fading),
    "frequency": lambda: Frequency(stock()),
    "item-knn": lambda: fit_item_knn(FOUR.times, stock(), ItemKnnParams()),
    "together": lambda: fit_item_knn(
        FOUR.times, stock(), ItemKnnParams(), name="together", weight="recent"
    ),
    "ease": lambda: fit_ease(FOUR.times, stock(), EaseParams(regularisation=1)),
    "als": lambda: Als.fit(FOUR, stock(), ALS, seed=7),
    "content": lambda: Content(stock()),
    "hybrid": hybrid_of,
}
every = pytest.mark.parametrize("name", EVERY)


@every
def test_a_model_has_the_name_it_is_known_by(name: str) -> None:
    assert EVERY[name]().name == name


@every
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("n", [1, 4, 50])
def test_lists_hold_allowed_products_once_best_first_and_empty_places_last(
    name: str, scope: Scope, n: int
) -> None:
    ranked = EVERY[name]().rank(FOUR, n, scope)

    assert ranked.ids.shape == ranked.scores.shape == (4, n)
    for ids, scores in zip(ranked.ids.tolist(), ranked.scores, strict=True):
        listed = [each for each in ids if each >= 0]
        assert ids == listed + [-1] * (n - len(listed))
        assert len({*listed}) == len(listed)
        assert {*listed} <= {0, 1, 2, 4, 5}  # petrol is never recommended
        assert (np.diff(scores[: len(listed)]) <= 0).all()
        assert (scores[: len(listed)] > 0).all()


@every
def test_new_products_were_never_bought_and_own_ones_were(name: str) -> None:
    model = EVERY[name]()

    new, again = (model.rank(FOUR, 6, scope).ids for scope in ("new", "repeat"))

    for row, times in enumerate(FOUR.times.toarray()):
        assert all(times[at] == 0 for at in new[row] if at >= 0)
        assert all(times[at] > 0 for at in again[row] if at >= 0)


@every
def test_lists_of_several_scopes_at_once_are_those_of_one_after_the_other(name: str) -> None:
    model = EVERY[name]()

    at_once = lists_of(model, FOUR, 4, SCOPES)

    for scope in SCOPES:
        alone = model.rank(FOUR, 4, scope)
        assert np.array_equal(at_once[scope].ids, alone.ids)
        assert np.array_equal(at_once[scope].scores, alone.scores)


@every
def test_nobody_gets_no_list_and_somebody_unknown_one_of_the_same_length(name: str) -> None:
    model = EVERY[name]()

    for scope in SCOPES:
        assert model.rank(FOUR.rows(slice(0, 0)), 3, scope).ids.shape == (0, 3)
        assert model.rank(NOBODY, 3, scope).ids.shape == (1, 3)
    assert (model.rank(NOBODY, 3, "repeat").ids == -1).all()


@every
def test_each_customer_is_ranked_alike_alone_and_among_others(name: str) -> None:
    model = EVERY[name]()

    together = model.rank(FOUR, 5, "all").ids

    alone = [model.rank(FOUR.rows(slice(row, row + 1)), 5, "all").ids[0] for row in range(4)]
    assert np.array_equal(together, np.stack(alone))


MOVED = replace(
    assortment(),
    product_ids=np.array(["bread", "cheese", "milk", "tea", "toast", "wine"]),
    allowed=np.array([True, True, True, False, True, True]),
    text=np.array(["white loaf", "white cheese", "white milk", "black tea", "loaf", "black wine"]),
)


def bought(*products: str) -> Purchases:
    at = MOVED.positions(np.array(products))
    times = np.zeros((1, 6), np.float32)
    times[0, at] = 1
    cells = sparse.csr_matrix(times)
    return Purchases(times=cells, recent=cells, ever=cells)


@every
def test_a_model_moved_to_another_catalogue_ranks_what_is_in_it_and_available(name: str) -> None:
    moved = EVERY[name]().at(MOVED)

    for scope in SCOPES:
        ids = moved.rank(bought("bread", "milk"), 6, scope).ids
        assert MOVED.positions(np.array(["tea"]))[0] not in ids
        assert ids.max() < 6
