from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from pipelines.interaction_split import held_out, split_of

DAY = 86_400.0
UNKNOWN = float("nan")


def rows(*given: tuple[str, str, float], weight: float = 1.0) -> pd.DataFrame:
    """Build interactions from (user, item, day): tests read as a table."""
    frame = pd.DataFrame(given, columns=["user", "item", "time"])
    return frame.assign(weight=weight, time=frame["time"] * DAY)


def test_times_make_the_last_30_days_popular() -> None:
    train = rows(("a", "old", 0), ("b", "old", 1), ("c", "old", 2), ("d", "new", 333.5))

    split = split_of(train, rows(("a", "new", 340)))

    assert split.assortment.product_ids.tolist() == ["new", "old"]
    assert split.assortment.sold.tolist() == [1, 0]
    assert split.assortment.sold_ever.tolist() == [1, 3]


def test_without_times_all_of_training_is_popular() -> None:
    train = rows(("a", "x", UNKNOWN), ("b", "x", UNKNOWN), ("b", "y", UNKNOWN))

    split = split_of(train, rows(("a", "y", UNKNOWN)))

    assert split.assortment.sold.tolist() == [2, 1]


def test_an_old_interaction_counts_half_after_a_half_life() -> None:
    split = split_of(rows(("a", "x", 0), ("a", "y", 120)), rows(("a", "z", 121)))

    assert split.purchases.recent.toarray().tolist() == [[0.5, 1, 0]]
    assert split.purchases.times.toarray().tolist() == [[1, 1, 0]]


def test_what_users_have_already_counts_only_where_times_tell_it_apart() -> None:
    timed = split_of(rows(("a", "x", 0), ("a", "y", 1)), rows(("a", "x", 2), ("a", "z", 2)))
    untimed = split_of(
        rows(("a", "x", UNKNOWN), ("a", "y", UNKNOWN)),
        rows(("a", "x", UNKNOWN), ("a", "z", UNKNOWN)),
    )
    nothing_again = split_of(rows(("a", "x", 0)), rows(("a", "z", 2)))
    nothing_new = split_of(rows(("a", "x", 0)), rows(("a", "x", 2)))

    assert list(timed.scopes) == ["all", "repeat", "new"]
    assert list(untimed.scopes) == list(nothing_again.scopes) == ["new"]
    assert list(nothing_new.scopes) == ["all", "repeat"]


def test_rows_of_one_pair_count_together_in_any_order() -> None:
    train = rows(("a", "x", 3), ("b", "y", 1), ("a", "x", 0), ("a", "x", 0), weight=2.0)
    test = rows(("a", "y", 4), ("a", "y", 5))

    split, shuffled = split_of(train, test), split_of(train[::-1], test[::-1])

    assert split.purchases.times.toarray().tolist() == [[6, 0], [0, 2]]
    assert split.assortment.sold_ever.tolist() == [1, 1]  # users, not rows
    assert split.targets.toarray().tolist() == [[0, 1], [0, 0]]
    assert (split.purchases.recent != shuffled.purchases.recent).nnz == 0


def test_somebody_unknown_has_an_empty_row_and_an_item_only_in_test_is_a_target() -> None:
    split = split_of(rows(("a", "x", 0), ("b", "y", 0)), rows(("a", "z", 1), ("new", "x", 1)))

    tested = split.tested

    assert tested.targets.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
    assert tested.purchases.times.toarray().tolist() == [[1, 0, 0], [0, 0, 0]]
    assert split.assortment.sold_ever[2] == 0


def test_nobody_in_common_and_nothing_new_are_errors() -> None:
    one = rows(("a", "x", UNKNOWN))

    with pytest.raises(NotEnoughDataError, match="no user"):
        split_of(one, rows(("b", "x", UNKNOWN)))
    with pytest.raises(NotEnoughDataError, match="--time-column"):
        split_of(one, one)
    with pytest.raises(NotEnoughDataError, match="--time-column"):
        split_of(one, rows(("a", "x", UNKNOWN), ("b", "x", UNKNOWN)))


def test_a_fifth_of_what_each_user_has_is_held_out_and_never_learnt() -> None:
    pairs = [(f"u{user}", f"i{(3 * user + at) % 40:02}") for user in range(20) for at in range(10)]
    train = rows(*((user, item, UNKNOWN) for user, item in pairs))
    split = split_of(train, rows(("u0", "i39", UNKNOWN)))

    inner = held_out(train, split)

    assert np.diff(inner.targets.indptr).tolist() == [2] * 20
    assert np.diff(inner.purchases.times.indptr).tolist() == [8] * 20
    assert inner.targets.multiply(inner.purchases.times).nnz == 0
    assert ((inner.targets + inner.purchases.times) != split.purchases.times).nnz == 0
    assert (held_out(train, split).targets != inner.targets).nnz == 0


def test_where_times_are_known_the_last_fifth_is_held_out() -> None:
    train = rows(*(("a", f"i{day}", day) for day in range(10)))

    inner = held_out(train, split_of(train, rows(("a", "new", 11))))

    ids = inner.assortment.product_ids
    assert ids[inner.targets.indices].tolist() == ["i8", "i9"]
    assert inner.purchases.times.nnz == 8
    assert inner.assortment.sold_ever.sum() == 8


@pytest.mark.parametrize("day", [pytest.param(UNKNOWN, id="untimed"), pytest.param(0, id="timed")])
def test_too_little_to_hold_anything_out_is_an_error(day: float) -> None:
    one = rows(("a", "x", day))

    with pytest.raises(NotEnoughDataError, match="hold out"):
        held_out(one, split_of(one, rows(("a", "z", day))))
