from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from content.campaign import CompiledCampaign, Product
from content.decision import Candidates, Rung
from content.shelf import Shelf, is_excluded
from content.spec import Slot
from content.terms import Terms
from profiles.profile import Pick

Build = Callable[..., Product]
SLOT = Slot.model_validate(
    {
        "name": "trends",
        "blocks": [{"block": "product_grid"}],
        "products": {
            "list": "trending",
            "n": 4,
            "title": "Trends",
            "fallback_title": "Popular",
            "fallback_text": "Come and look.",
        },
    }
)


def pick(product_id: str, score: float = 1.0) -> Pick:
    return Pick(product_id, score, "test", f"because of {product_id}")


def ranked(*ids: str) -> Iterator[tuple[Pick, Rung]]:
    return ((pick(each), "snapshot") for each in ids)


@pytest.fixture
def build(campaign: CompiledCampaign, product: Build) -> Callable[..., Shelf]:
    """Put products on a shelf: those given, by id, as they are sold now."""

    def build(*given: Product, **lists: Any) -> Shelf:  # noqa: ANN401  # as Candidates has them
        known = {each["product_id"]: each for each in given}
        return Shelf(campaign, Candidates(products=known, **lists))

    return build


@pytest.mark.parametrize(
    ("category", "excluded"),
    [
        ("FUEL", True),
        ("fuel/unleaded", True),
        ("FUELS", False),
        ("GROCERY/FUEL", False),
        ("", False),
        (None, False),
    ],
)
def test_an_aisle_is_excluded_by_whole_words_from_its_start(
    category: str | None, excluded: bool
) -> None:
    assert is_excluded(category, ["Fuel", "COUPON/MISC"]) is excluded


def test_a_product_leaves_the_shelf_once_and_so_does_its_name(
    build: Callable[..., Shelf],
) -> None:
    shelf = build()

    assert shelf.take("p1", "Strasse")
    assert not shelf.take("p1", "Another name")
    assert not shelf.take("p2", "STRASSE")
    assert not shelf.take("p2", "Straße")  # reads the same
    assert shelf.take("p2", "Lane")


def test_filling_stops_at_n_and_skips_what_cannot_be_shown(
    build: Callable[..., Shelf], product: Build
) -> None:
    shelf = build(
        product("a", available=False),
        product("b", name=""),
        product("c", category="FUEL/UNLEADED"),
        *(product(each) for each in "defg"),
    )

    assert [each.product_id for each in shelf.fill(3, ranked("gone", *"abcddefg"))] == list("def")
    assert [each.product_id for each in shelf.fill(3, ranked(*"defg"))] == ["g"]
    assert shelf.fill(0, ranked("g")) == []


def test_what_is_shown_carries_its_pick_and_has_no_gaps_in_words(
    build: Callable[..., Shelf], product: Build
) -> None:
    bare = product("a", currency=None, category=None, price_minor=None)

    (shown,) = build(bare).fill(1, ranked("a"))

    assert (shown.currency, shown.category, shown.price_minor) == ("", "", None)
    assert (shown.source, shown.score, shown.reason) == ("test", 1.0, "because of a")


def test_the_common_shelf_goes_from_the_cluster_down_to_what_ships_with_the_campaign(
    build: Callable[..., Shelf],
) -> None:
    shelf = build(segment=[pick("g0"), pick("p0")], popular=[pick("p0"), pick("p1")])

    personal = [(each.product_id, rung) for each, rung in shelf.common(SLOT, personal=True)]
    common = [
        each.product_id for each, _ in shelf.common(SLOT, personal=False, avoid=frozenset({"p1"}))
    ]

    assert personal[:4] == [
        ("g0", "segment"),
        ("p0", "segment"),
        ("p0", "popular"),
        ("p1", "popular"),
    ]
    assert [rung for _, rung in personal[4:]] == ["static"] * 10
    assert common == ["p0", *(f"s{number}" for number in range(10))]


def test_static_products_are_shown_as_they_were_published_unless_sold_out_since(
    build: Callable[..., Shelf], product: Build
) -> None:
    shelf = build(product("s0", available=False), product("s1", price_minor=999))

    shown = shelf.fill(3, shelf.common(SLOT, personal=False))

    assert [(each.product_id, each.price_minor) for each in shown] == [
        ("s1", 999),
        ("s2", 250),
        ("s3", 250),
    ]


def test_a_list_for_everybody_that_the_slot_names_comes_before_all(
    build: Callable[..., Shelf],
) -> None:
    lists = {"trending": [pick("t0")], "new_arrivals": [pick("n0")]}
    shelf = build(
        segment=[pick("g0")], popular=[pick("p0")], common=lists, rest={"trends": [pick("r0")]}
    )

    steps = [(each.product_id, rung) for each, rung in shelf.common(SLOT, personal=True)]

    assert steps[:5] == [
        ("t0", "popular"),
        ("g0", "segment"),
        ("p0", "popular"),
        ("r0", "popular"),
        ("s0", "static"),
    ]


def test_a_promoted_product_is_shown_only_if_it_is_to_be_had_in_this_campaign(
    build: Callable[..., Shelf], product: Build
) -> None:
    shelf = build(product("fuel", category="FUEL"), product("x"), product("a"))
    places = [{"product_id": each, "place": 1} for each in ("fuel", "gone", "x")]

    shown = shelf.fill(2, ranked("a"), Terms.model_validate({"promote": places}))

    assert [(each.product_id, each.source) for each in shown] == [("x", "promotion"), ("a", "test")]


def test_what_stands_beside_counts_for_the_caps(
    build: Callable[..., Shelf], product: Build
) -> None:
    shelf = build(product("a"), product("b"), product("c", category="OTHER"))
    beside = shelf.fill(1, ranked("a"))

    shown = shelf.fill(2, ranked("b", "c"), Terms(max_per_category=1), beside=beside)

    assert [each.product_id for each in shown] == ["c"]
