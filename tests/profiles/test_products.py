from __future__ import annotations

import sqlite3
from array import array

import pytest

from profiles.products import KINDS, TABLES, Item, Neighbours, Products, pack_kin, put, unpack_kin


def kin(*near: tuple[int, float]) -> bytes:
    numbers, scores = array("I", [each for each, _ in near]), array("f", [each for _, each in near])
    return pack_kin(numbers.tobytes(), scores.tobytes())


def item(
    product_id: str, category: str = "tea", price_minor: int | None = 100, **more: object
) -> Item:
    known = {"has_image": False, "score": 1.0, "reason": "sells", **more}
    return Item(product_id, category, price_minor, **known)  # type: ignore[arg-type]


@pytest.fixture
def store() -> sqlite3.Connection:
    """The tables of a snapshot, empty."""
    store = sqlite3.connect(":memory:")
    store.executescript(TABLES)
    return store


def test_neighbours_are_unpacked_as_they_were_packed() -> None:
    near = unpack_kin(kin((3, 1.0), (1, 0.5)))

    assert (list(near.numbers), list(near.scores)) == ([3, 1], [1.0, 0.5])
    assert not unpack_kin(b"").numbers


def test_best_sellers_are_numbered_as_they_come(store: sqlite3.Connection) -> None:
    put(store, [item("mug"), item("tea", score=0.5)])
    products = Products(store)

    assert products.ids([1, 0, 7]) == {0: "mug", 1: "tea"}
    assert products.known(["tea", "gone", "tea"]) == {"tea"}
    assert [(pick.product_id, pick.score) for pick in products.best()] == [
        ("mug", 1.0),
        ("tea", 0.5),
    ]


def test_neighbours_are_those_of_the_first_kind_that_has_any(store: sqlite3.Connection) -> None:
    put(store, [item("mug", similar_to=kin((1, 0.5)), goes_with=kin((1, 2.0))), item("tea")])

    found = Products(store).kin(["mug", "tea", "gone"], "bought_too", "goes_with")

    assert list(found) == ["mug"]
    assert found["mug"][0] == "goes_with"
    assert isinstance(found["mug"][1], Neighbours)
    assert Products(store).kin(["mug"], *KINDS)["mug"][0] == "similar_to"
    assert Products(store).kin(["mug"], "bought_too") == {}


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"categories": ["tea"]}, ["a", "b"]),
        ({"categories": ["tea/green", "mugs"]}, ["b", "c"]),
        ({"categories": ["mugs", "tea", "mugs"]}, ["a", "b", "c"]),
        ({"categories": ["tea/gree"]}, []),
        ({"min_price_minor": 200, "max_price_minor": 300}, ["b", "c"]),  # unknown is not within
        ({"max_price_minor": 200, "has_image": True}, ["b"]),
    ],
)
def test_best_sellers_within_bounds(
    store: sqlite3.Connection, bounds: dict[str, object], found: list[str]
) -> None:
    put(
        store,
        [
            item("a", "tea", 100),
            item("b", "tea/green", 200, has_image=True),
            item("c", "mugs", 300, has_image=True),
            item("d", "", None),
        ],
    )

    assert [pick.product_id for pick in Products(store).best(bounds)] == found


def test_a_product_comes_once(store: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        put(store, [item("mug"), item("mug")])


def test_a_snapshot_made_before_there_were_products_is_not_read() -> None:
    with pytest.raises(sqlite3.OperationalError):
        Products(sqlite3.connect(":memory:"))


def test_best_sellers_are_read_once_and_given_from_the_start_to_everybody(
    store: sqlite3.Connection,
) -> None:
    put(store, (Item(key, "", None, has_image=False, score=1.0, reason="so") for key in "abcd"))
    products = Products(store)
    first, second = products.best(), products.best()
    begun = [next(first), next(first)]
    whole = [*second]
    store.execute("DELETE FROM product")

    assert whole[:2] == begun
    assert [*products.best()] == whole == [*begun, *first]
