from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from content.campaign import CompiledCampaign, Product
from content.decision import Candidates, Rung
from content.shelf import Shelf, is_excluded
from profiles.profile import Pick

Build = Callable[..., Product]


def pick(product_id: str, score: float = 1.0) -> Pick:
    return Pick(product_id, score, "test", f"because of {product_id}")


def ranked(*ids: str) -> Iterator[tuple[Pick, Rung]]:
    return ((pick(each), "snapshot") for each in ids)


@pytest.fixture
def build(campaign: CompiledCampaign, product: Build) -> Callable[..., Shelf]:
    """Put products on a shelf: those given, by id, as they are sold now."""

    def build(*given: Product, **lists: list[Pick]) -> Shelf:
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

    personal = [(each.product_id, rung) for each, rung in shelf.common(personal=True)]
    common = [each.product_id for each, _ in shelf.common(personal=False, avoid=frozenset({"p1"}))]

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

    shown = shelf.fill(3, shelf.common(personal=False))

    assert [(each.product_id, each.price_minor) for each in shown] == [
        ("s1", 999),
        ("s2", 250),
        ("s3", 250),
    ]
