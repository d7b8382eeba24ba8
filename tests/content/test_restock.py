from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from content.campaign import CompiledCampaign, Product
from content.decide import decide
from content.decision import NO_CONSENT, Candidates
from content.restock import restock
from tests.content.people import ann, ids, picks, ruled, slot

Build = Callable[..., Product]


def test_restock_replaces_only_what_sold_out(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    first = decide(campaign, ann(), candidates=candidates)
    products = {
        **candidates.products,
        "a1": product("a1", available=False),
        "a0": product("a0", price_minor=999_999),
    }

    now = Candidates(products=products, popular=candidates.popular)
    later = restock(campaign, first, now, lists=ann().lists)

    assert ids(slot(later, "buy_again")) == ["a0", "a2", "a3", "p0"]
    assert slot(later, "buy_again").reason == "3 of 4 from buy_again"
    assert slot(later, "buy_again").products[0].price_minor == 250  # as it was shown first
    assert slot(later, "new_for_you") == slot(first, "new_for_you")
    assert later.rung == "popular"


def test_restock_changes_nothing_while_all_is_there(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    first = decide(campaign, ann(), candidates=candidates)

    assert restock(campaign, first, candidates, lists=ann().lists) is first


def test_restock_never_calls_new_what_was_bought(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    first = decide(campaign, ann(), candidates=candidates)
    products = {**candidates.products, "n1": product("n1", available=False)}
    now = Candidates(products=products, popular=picks("a4", "a5", "p0"))

    later = restock(campaign, first, now, lists=ann().lists)

    assert ids(slot(later, "new_for_you")) == ["n0", "n2", "n3", "p0"]


def test_restock_keeps_a_reason_that_is_not_about_the_products(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    first = decide(campaign, ann(personal=False), candidates=candidates)
    products = {**candidates.products, "p1": product("p1", available=False)}
    now = Candidates(products=products, popular=candidates.popular)

    later = restock(campaign, first, now, lists={})

    assert "p1" not in ids(slot(later, "buy_again"))
    assert slot(later, "buy_again").reason == NO_CONSENT


def test_restock_keeps_to_the_terms_too(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    known = {
        **{each: product(each, category=f"AISLE/{each}") for each in candidates.products},
        "p0": product("p0", category="AISLE/n0"),
        "p1": product("p1", image_url=None, price_minor=999),
    }
    rule = ruled(
        campaign,
        max_per_category=1,
        filter={"max_price_minor": 300, "not_bought_days": 5},
        promote=[{"product_id": "p9", "place": 1}],
    )
    first = decide(rule, ann(), candidates=replace(candidates, products=known))
    gone = {**known, "n1": product("n1", available=False)}

    later = restock(rule, first, replace(candidates, products=gone), lists={}, bought={"p2": 1.0})

    assert ids(slot(first, "new_for_you")) == ["p9", "n0", "n1", "n2"]
    assert ids(slot(later, "new_for_you")) == ["p9", "n0", "n2", "p3"]
