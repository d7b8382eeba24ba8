from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.campaign import Product
from content.choosing import Candidate, Seen, choose, fits
from content.terms import ProductFilter, Terms
from profiles.profile import Pick


def product(product_id: str, category: str = "tea", **more: object) -> Product:
    row: dict[str, object] = {
        "product_id": product_id,
        "name": f"The {product_id}",
        "price_minor": 100,
        "currency": "EUR",
        "url": None,
        "image_url": None,
        "category": category,
        "available": True,
    }
    return Product(**{**row, **more})  # type: ignore[typeddict-item]


def candidates(*products: Product) -> Iterator[Candidate]:
    for each in products:
        yield Candidate(each, Pick(each["product_id"], 1.0, "test", "why"), "snapshot")


def terms(**given: object) -> Terms:
    return Terms.model_validate(given)


def ids(chosen: list[Candidate]) -> list[str]:
    return [each.pick.product_id for each in chosen]


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        ({}, True),
        ({"category": "TEA"}, True),
        ({"category": ["mugs", "tea/green"]}, True),
        ({"category": "t"}, False),
        ({"category": "tea/green/sencha"}, False),
        ({"min_price_minor": 250, "max_price_minor": 250}, True),
        ({"min_price_minor": 251}, False),
        ({"max_price_minor": 249}, False),
        ({"has_image": True}, False),
    ],
)
def test_a_product_fits_by_what_it_is_now(wanted: dict[str, object], is_wanted: bool) -> None:
    tea = product("a", "Tea/Green", price_minor=250)

    assert fits(tea, ProductFilter.model_validate(wanted)) is is_wanted


def test_what_is_out_of_stock_or_has_no_price_within_bounds_does_not_fit() -> None:
    assert not fits(product("a", available=False), ProductFilter())
    assert not fits(product("a", price_minor=None), ProductFilter(min_price_minor=0))
    assert fits(product("a", price_minor=None, image_url="x"), ProductFilter(has_image=True))


def test_the_first_that_fit_are_taken_and_no_more_are_read() -> None:
    given = candidates(product("a", available=False), *map(product, "bcdef"))

    assert ids(choose(given, 2, terms(), Seen(), barred={"c"})) == ["b", "d"]
    assert ids(list(given)) == ["e", "f"]


def test_a_product_and_a_name_come_once() -> None:
    given = candidates(product("a"), product("a"), product("b", name="THE A"), product("c"))

    assert ids(choose(given, 3, terms(), Seen())) == ["a", "c"]


def test_products_without_a_name_do_not_stand_for_each_other() -> None:
    given = candidates(product("a", name=""), product("b", name=""))

    assert ids(choose(given, 2, terms(), Seen())) == ["a", "b"]


@pytest.mark.parametrize("diversity", [0, 0.5])
def test_no_category_has_more_than_its_places(diversity: float) -> None:
    given = [product(each) for each in "abc"] + [product("d", "mugs"), product("e", "tea/green")]
    asked = terms(max_per_category=1, diversity=diversity)

    assert sorted(ids(choose(candidates(*given), 5, asked, Seen()))) == ["a", "d", "e"]
    beside = choose(candidates(*given), 5, asked, Seen(), beside=["tea"])
    assert sorted(ids(beside)) == ["d", "e"]


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        pytest.param(0.0, "abc", id="as-they-come"),
        pytest.param(0.3, "abe", id="two-of-tea-then-a-mug"),  # .117, and .05 for a third tea
        pytest.param(1.0, "aef", id="as-unlike-as-can-be"),
    ],
)
def test_diversity_trades_the_order_for_unlike_categories(diversity: float, expected: str) -> None:
    given = [product(each) for each in "abc"]
    given += [product("d", "tea/green"), product("e", "mugs"), product("f", "cups")]

    got = choose(candidates(*given), 3, terms(diversity=diversity), Seen())

    assert ids(got) == list(expected)


def test_an_unknown_category_is_like_no_other() -> None:
    given = [product("a", ""), product("b", ""), product("c", "tea"), product("d", "tea")]

    assert ids(choose(candidates(*given), 3, terms(diversity=1), Seen())) == ["a", "b", "c"]


def test_promoted_products_stand_at_their_places() -> None:
    known = {each: product(each) for each in "xyz"}
    asked = terms(
        promote=[
            {"product_id": "x", "place": 3, "reason": "Bread of the week"},
            {"product_id": "y", "place": 3},
            {"product_id": "x", "place": 1},  # once is enough
            {"product_id": "unknown", "place": 1},
            {"product_id": "z", "place": 9},  # past the end
        ]
    )

    got = choose(candidates(*map(product, "axbc")), 4, asked, Seen(), promoted=known)

    assert ids(got) == ["a", "b", "x", "y"]
    assert (got[2].pick.source, got[2].pick.reason) == ("promotion", "Bread of the week")


def test_a_promoted_product_that_does_not_fit_leaves_its_place_to_the_next() -> None:
    known = {"x": product("x", available=False), "y": product("y", "mugs"), "z": product("z")}
    asked = terms(
        filter={"category": "tea"},
        promote=[{"product_id": each, "place": 1} for each in "xyz"],
    )

    got = choose(candidates(product("a")), 2, asked, Seen(), barred={"z"}, promoted=known)

    assert ids(got) == ["a"]


def test_promoted_products_count_for_the_caps() -> None:
    asked = terms(max_per_category=1, promote=[{"product_id": "x"}])
    given = candidates(product("a"), product("b", "mugs"))

    assert ids(choose(given, 2, asked, Seen(), promoted={"x": product("x")})) == ["x", "b"]


CATEGORIES = ("", "tea", "tea/green", "mugs", "mugs/large")


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(CATEGORIES), st.booleans()), max_size=40
    ),
    n=st.integers(1, 12),
    diversity=st.sampled_from([0.0, 0.3, 1.0]),
    cap=st.none() | st.integers(1, 4),
    promote=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=3),
)
def test_lists_are_as_long_as_they_can_be_and_keep_their_terms(
    rows: list[tuple[int, str, bool]],
    n: int,
    diversity: float,
    cap: int | None,
    promote: list[tuple[int, int]],
) -> None:
    known = {str(number): product(str(number), path, available=ok) for number, path, ok in rows}
    order = [known[str(number)] for number, *_ in rows]
    asked = terms(
        max_per_category=cap,
        diversity=diversity,
        promote=[{"product_id": str(number), "place": place} for number, place in promote],
    )

    got = ids(choose(candidates(*order), n, asked, Seen(), promoted=known))

    there = {key: row["category"] for key, row in known.items() if row["available"]}
    assert len(set(got)) == len(got) <= n
    assert set(got) <= set(there)
    counts = {path: sum(there[key] == path for key in got) for path in CATEGORIES}
    promoted = {str(number) for number, _ in promote}
    for path, count in counts.items():
        own = [key for key in got if there[key] == path and key in promoted]
        assert cap is None or count <= max(cap, len(own))
    left = [key for key in there if key not in got and (cap is None or counts[there[key]] < cap)]
    assert len(got) == n or not left
