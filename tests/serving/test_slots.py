from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from content.terms import ProductFilter
from serving.brain import Brain
from serving.sessions import Session
from serving.slots import Shopper, best_sellers, kin_lists, ladder
from tests.serving import shop


def steps(brain: Brain, slot: str, n: int, shopper: Shopper, **asked: object) -> list[str]:
    """Return the first steps of a ladder, such as `snapshot p20`."""
    wanted = ProductFilter.model_validate(asked)
    rungs = ladder(brain, slot, shopper, asked=(), wanted=wanted)
    return [f"{each.rung} {each.pick.product_id}" for each in islice(rungs, n)]


ANN = Shopper(profile=shop.profile("ann"))


@pytest.mark.parametrize(
    ("slot", "first"),
    [
        ("buy_again", "snapshot p0"),
        ("new_for_you", "snapshot p20"),
        ("similar_to", "snapshot p33"),
        ("goes_with", "snapshot p34"),
        ("trending", "popular p50"),
        ("new_arrivals", "popular p53"),
        ("popular", "popular p10"),
    ],
)
def test_each_slot_starts_with_its_own_list(brain: Brain, slot: str, first: str) -> None:
    assert steps(brain, slot, 1, ANN) == [first]


@pytest.mark.parametrize("slot", ["buy_again", "new_for_you", "trending", "goes_with"])
def test_every_ladder_goes_on_with_the_cluster_then_everybody_then_the_whole_catalogue(
    brain: Brain, slot: str
) -> None:
    whole = steps(brain, slot, 1_000, ANN)

    at = [whole.index(each) for each in ("segment p40", "popular p10", "popular p9", "static p50")]
    assert at == sorted(at)


def test_somebody_unknown_has_no_cluster(brain: Brain) -> None:
    assert not [each for each in steps(brain, "trending", 99, Shopper()) if "segment" in each]


@pytest.mark.parametrize(
    ("slot", "days", "barred"),
    [
        ("popular", 0, {"c", "b"}),
        ("popular", 8, {"c", "b", "p0", "p1"}),
        ("new_for_you", 0, {"c", "b", *(f"p{number}" for number in range(8))}),
    ],
)
def test_what_a_shopper_is_not_shown(slot: str, days: float, barred: set[str]) -> None:
    shopper = Shopper(profile=shop.profile("ann"), session=Session(["v"], ["c"], ["b"]))

    assert shopper.barred(slot, within_days=days) == barred


def test_best_sellers_go_through_the_catalogue_within_a_filter(brain: Brain) -> None:
    assert brain.snapshot
    wanted = ProductFilter(category=("DRUG GM",), min_price_minor=155)

    picks = best_sellers(brain.snapshot.products, wanted)

    assert [each.product_id for each in picks] == ["p56", "p59"]
    assert list(best_sellers(None, wanted)) == []


def test_lists_for_an_email_follow_from_what_was_bought_last(brain: Brain) -> None:
    assert brain.snapshot
    slots = ["buy_again", "goes_with"]

    lists = kin_lists(brain.catalogue, brain.snapshot.products, shop.profile("ann"), slots)

    assert list(lists) == ["goes_with"]
    assert [each.product_id for each in lists["goes_with"]] == ["p34", "p35", "p36", "p10"]


def test_new_products_take_turns_with_a_session_whatever_was_bought_before(brain: Brain) -> None:
    profile = replace(shop.profile("ann"), bought=dict.fromkeys(("p20", "p21", "p22"), 3))
    shopper = Shopper(profile=profile, session=Session(viewed=["p2"]))

    got = steps(brain, "new_for_you", 4, shopper)

    assert got == ["fresh p35", "snapshot p23", "fresh p36", "snapshot p24"]
