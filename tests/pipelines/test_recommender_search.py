from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from models.als import AlsParams, AlsSpace
from pipelines import recommender_search
from pipelines.interaction_split import Split, held_out, split_of
from pipelines.recommender_search import (
    ITEM_KNN,
    LARGE_SPACE,
    WEIGHTS,
    Found,
    search,
    space_of,
)

SMALL = AlsSpace(first=AlsParams(factors=4), factors=(2, 4))


def interactions(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["user", "item"]).assign(weight=1.0, time=np.nan)


def two_tribes() -> Split:
    """Forty users who take twelve of their tribe's items; a fifth of it held out."""
    generator = np.random.default_rng(2)
    train = interactions(
        *(
            (f"u{user:02}", f"i{item:02}")
            for user in range(40)
            for item in generator.choice(30, 12, replace=False) + 30 * (user % 2)
        )
    )
    return held_out(train, split_of(train, interactions(("u00", "none"))))


def test_the_search_repeats_and_finds_a_weight_that_was_tried() -> None:
    inner = two_tribes()

    found = search(inner, SMALL, trials=2, k=5)

    assert found.weight in WEIGHTS
    assert found.item_knn in ITEM_KNN
    assert search(inner, SMALL, trials=2, k=5) == found


def test_without_trials_the_first_of_the_space_is_taken() -> None:
    first = LARGE_SPACE.first

    assert search(two_tribes(), LARGE_SPACE, trials=0, k=5) == Found(als=first, als_beside=first)


def test_much_data_is_searched_among_more_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = two_tribes()
    assert space_of(inner) == AlsSpace()

    monkeypatch.setattr(recommender_search, "LARGE", inner.purchases.times.nnz)

    assert space_of(inner) == LARGE_SPACE
    assert max(LARGE_SPACE.factors) > max(AlsSpace().factors)


def test_no_shared_tastes_are_said_before_anything_is_tried() -> None:
    train = interactions(*((f"u{at}", f"i{at}{each}") for at in range(3) for each in range(5)))
    inner = held_out(train, split_of(train, interactions(("u0", "i10"))))

    with pytest.raises(NotEnoughDataError, match="shared tastes"):
        search(inner, SMALL, trials=3, k=5)
