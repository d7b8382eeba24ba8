from __future__ import annotations

import pytest

from content.diversity import Diverse, alike


def order(categories: list[str], diversity: float, *, beside: tuple[str, ...] = ()) -> list[int]:
    """Take all, one after the other."""
    diverse = Diverse(categories, diversity, beside)
    found = []
    while (number := diverse.pop()) is not None:
        diverse.take(categories[number])
        found.append(number)
    return found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("tea", "TEA", 1.0),
        ("tea/green", "tea/black", 0.5),
        ("tea", "tea/green/sencha", 0.5),
        ("tea", "teapots", 0.0),
        ("", "", 0.0),
    ],
)
def test_paths_are_alike_as_far_as_they_go_together(one: str, other: str, same: float) -> None:
    assert alike(one, other) == alike(other, one) == same


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        (0.0, [0, 1, 2, 3, 4]),
        (0.3, [0, 1, 4, 2, 3]),  # after two teas: 0.7 * 4/5 < 0.7 * 2/5 + 0.3
        (1.0, [0, 4, 3, 1, 2]),
    ],
)
def test_the_order_gives_way_to_what_is_unlike(diversity: float, expected: list[int]) -> None:
    assert order(["tea", "tea", "tea", "tea/green", "mugs"], diversity) == expected


def test_what_is_in_the_list_already_counts() -> None:
    assert order(["tea", "mugs"], 1.0, beside=("tea",)) == [1, 0]


def test_what_is_not_taken_is_like_nothing() -> None:
    diverse = Diverse(["tea", "tea", "mugs"], 1.0)

    assert [diverse.pop() for _ in range(4)] == [0, 1, 2, None]


def test_of_nothing_comes_nothing() -> None:
    assert Diverse([], 0.5).pop() is None
