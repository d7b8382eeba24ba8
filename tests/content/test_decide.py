from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from content.campaign import CompiledCampaign, Product
from content.decide import bought_of_late, decide, known_variables
from content.decision import NO_CONSENT, NOT_KNOWN, Candidates, Decision, Person
from content.spec import ProductRule
from content.terms import ProductFilter
from profiles.profile import Pick
from tests.content.people import ann, ids, names, picks, ruled, slot

Build = Callable[..., Product]


def test_a_known_customer_gets_their_own_lists(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    got = decide(campaign, ann(), candidates=candidates)

    assert ids(slot(got, "buy_again")) == names("a", 4)
    assert ids(slot(got, "new_for_you")) == names("n", 4)
    assert slot(got, "buy_again").title == "Buy again"
    assert slot(got, "buy_again").reason == "4 of 4 from buy_again"
    assert got.rung == "snapshot"


@pytest.mark.parametrize(
    ("outputs", "block"),
    [
        ({"cluster_traits": ["frequent", "small baskets"]}, "hero_regular"),
        ({"cluster_traits": ["big baskets", "frequent"]}, "hero_big_shop"),
        ({"cluster_traits": ["lapsing", "big baskets"]}, "hero_miss_you"),
        ({"cluster_traits": ["frequent"], "recency_days": 61.5}, "hero_miss_you"),
        ({"cluster_traits": ["occasional"]}, "hero_season"),
        ({"cluster_traits": None}, "hero_season"),
        ({"cluster_traits": "frequent"}, "hero_season"),
        ({"recency_days": "long ago"}, "hero_season"),
        ({}, "hero_season"),
    ],
)
def test_the_first_block_whose_rule_holds_is_taken(
    campaign: CompiledCampaign, candidates: Candidates, outputs: dict[str, object], block: str
) -> None:
    assert (
        slot(decide(campaign, ann(outputs=outputs), candidates=candidates), "hero").block == block
    )


def test_a_block_says_why(campaign: CompiledCampaign, candidates: Candidates) -> None:
    hero = slot(decide(campaign, ann(), candidates=candidates), "hero")

    assert (hero.reason, hero.rung) == ("your group comes often", "snapshot")


def test_without_consent_nothing_personal_is_used(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    got = decide(campaign, ann(personal=False, first_name="Ann"), candidates=candidates)

    assert slot(got, "hero").block == "hero_season"
    assert slot(got, "hero").reason == NO_CONSENT
    assert ids(slot(got, "buy_again")) == names("p", 4)
    assert slot(got, "buy_again").title == "Popular right now"
    assert (got.personal, got.rung) == (False, "popular")
    assert known_variables(campaign, ann(personal=False)) == dict(campaign.spec.defaults)


def test_somebody_unknown_gets_what_is_popular(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    popular = Candidates(products=candidates.products, popular=candidates.popular)

    got = decide(campaign, Person(customer_id="who?"), candidates=popular)

    assert slot(got, "hero").reason == NOT_KNOWN
    assert ids(slot(got, "new_for_you")) == names("p", 8)[4:]
    assert got.rung == "popular"


def test_a_short_list_is_filled_from_the_cluster_then_popular_then_static(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    short = Candidates(products=candidates.products, segment=picks("g0"), popular=picks("p0"))

    got = slot(
        decide(campaign, ann(lists={"buy_again": picks("a0")}), candidates=short), "buy_again"
    )

    assert [(shown.product_id, shown.rung) for shown in got.products] == [
        ("a0", "snapshot"),
        ("g0", "segment"),
        ("p0", "popular"),
        ("s0", "static"),
    ]
    assert got.rung == "static"
    assert got.title == "Popular right now"  # three of four are not theirs


def test_a_slot_keeps_its_title_while_half_of_it_is_the_persons(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    person = ann(lists={"buy_again": picks("a0", "a1")})

    assert slot(decide(campaign, person, candidates=candidates), "buy_again").title == "Buy again"


def test_what_is_new_is_never_filled_with_what_was_bought(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    person = ann(lists={"buy_again": picks("a0", "a1", "a2", "a3", "g0", "p0")})

    shown = ids(slot(decide(campaign, person, candidates=candidates), "new_for_you"))

    assert shown == ["g1", "g2", "g3", "g4"]


def test_a_product_is_shown_once_and_so_is_a_name(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    twin = product("twin", name="PRODUCT A0")
    known = Candidates(products={**candidates.products, "twin": twin}, popular=candidates.popular)
    person = ann(
        lists={"buy_again": picks("a0", "twin", "a0", "a1"), "new_for_you": picks("a1", "n0")}
    )

    got = decide(campaign, person, candidates=known)

    shown = [product_id for choice in got.slots for product_id in ids(choice)]
    assert len(shown) == len(set(shown)) == 8
    assert "twin" not in shown


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param({"available": False}, id="sold-out"),
        pytest.param({"name": ""}, id="no-name"),
        pytest.param({"category": "fuel/unleaded"}, id="excluded-aisle"),
    ],
)
def test_what_cannot_be_shown_is_dropped(
    campaign: CompiledCampaign, candidates: Candidates, product: Build, hidden: dict[str, object]
) -> None:
    products = {**candidates.products, "a0": product("a0", **hidden)}

    got = decide(campaign, ann(), candidates=Candidates(products=products))

    assert ids(slot(got, "buy_again")) == ["a1", "a2", "a3", "a4"]


@pytest.mark.parametrize("lists", [{}, {"buy_again": []}, {"buy_again": picks("gone", "lost")}])
def test_nothing_at_all_still_gives_the_static_products(
    campaign: CompiledCampaign, lists: dict[str, Sequence[Pick]]
) -> None:
    got = decide(campaign, ann(lists=lists, outputs={}), candidates=Candidates(products={}))

    assert ids(slot(got, "buy_again")) == names("s", 4)
    assert got.rung == "static"


def test_with_no_product_left_a_text_takes_their_place(
    campaign: CompiledCampaign, product: Build
) -> None:
    gone = {product_id: product(product_id, available=False) for product_id in names("s", 10)}

    got = slot(decide(campaign, ann(), candidates=Candidates(products=gone)), "buy_again")

    assert got.products == ()
    assert got.text.startswith("Our shelves are full")
    assert got.rung == "static"


def test_a_decision_survives_json_and_holds_no_name(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    got = decide(campaign, ann(first_name="Ann-Sophie"), candidates=candidates)

    text = json.dumps(got.to_dict())

    assert Decision.from_dict(json.loads(text)) == got
    assert "Ann-Sophie" not in text
    assert "customer_id" not in text


def test_the_same_person_gets_the_same_decision(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    assert decide(campaign, ann(), candidates=candidates) == decide(
        campaign, ann(), candidates=candidates
    )


def test_a_slot_may_name_a_list_for_everybody(
    campaign: CompiledCampaign, candidates: Candidates
) -> None:
    trends = [Pick(each, 2.0, "trending", "Trending this week") for each in ("g4", "g5")]
    known = replace(candidates, common={"trending": trends})

    for person in (ann(), Person(customer_id="who?"), ann(personal=False)):
        got = slot(
            decide(ruled(campaign, list="trending"), person, candidates=known), "new_for_you"
        )
        assert ids(got)[:2] == ["g4", "g5"]
        assert (got.title, got.rung) == ("New for you", "popular")  # half of it is the list
    assert (
        slot(
            decide(ruled(campaign, list="trending"), ann(), candidates=known), "new_for_you"
        ).reason
        == "2 of 4 from trending"
    )


def test_a_slot_keeps_to_its_terms_down_the_whole_ladder(
    campaign: CompiledCampaign, candidates: Candidates, product: Build
) -> None:
    dear = {each: product(each, price_minor=999) for each in ("n0", "g0", "n5")}
    known = replace(candidates, products={**candidates.products, **dear})
    terms = {
        "filter": {"max_price_minor": 300, "not_bought_days": 10},
        "promote": [{"product_id": "p9", "place": 2, "reason": "Try this"}],
    }

    got = decide(ruled(campaign, **terms), ann(bought={"n1": 9.5}), candidates=known)

    assert ids(slot(got, "new_for_you")) == ["n2", "p9", "n3", "n4"]
    assert slot(got, "new_for_you").products[1].reason == "Try this"
    assert slot(got, "new_for_you").rung == "snapshot"  # what is promoted is on no rung


def test_what_was_bought_is_not_shown_for_some_days_and_never_where_all_is_new() -> None:
    words = {"title": "t", "fallback_title": "f", "fallback_text": "x"}
    bought = {"tea": 9.5, "milk": 11.0}

    def barred(name: str, days: int | None) -> frozenset[str]:
        rule = ProductRule(list=name, n=1, filter=ProductFilter(not_bought_days=days), **words)
        return bought_of_late(rule, bought)

    assert barred("buy_again", 10) == {"tea"}
    assert barred("buy_again", None) == frozenset()
    assert barred("new_for_you", None) == {"tea", "milk"}
