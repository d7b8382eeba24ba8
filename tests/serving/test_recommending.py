from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from privacy.consent import PERSONALISATION
from profiles.decisions import render_decision_id
from profiles.profile import Profile
from serving.brain import Brain
from serving.messages import RecommendRequest
from serving.recommending import recommend
from tests.serving import shop
from tests.serving.asking import EVERY_SLOT, ask_recommend, ids, numbered, reasons

OpenBrain = Callable[[Path], Brain]


def test_a_list_is_topped_up_from_the_cluster_then_from_everybody(brain: Brain) -> None:
    got = ask_recommend(brain, "ann", n=35)

    assert got["rung"] == "snapshot"
    assert ids(got) == numbered(*range(20, 40), *range(40, 50), *range(10, 15))
    assert {product["source"] for product in got["products"]} == {"als", "popularity"}


def test_buy_again_goes_on_with_what_was_bought_before_and_then_as_every_list(
    brain: Brain,
) -> None:
    got = ask_recommend(brain, "ann", slot="buy_again", n=10)

    assert ids(got) == numbered(*range(8), 40, 41)
    assert {product["reason"] for product in got["products"][6:8]} == {"You bought this before"}


def test_excluded_dear_and_other_products_are_left_out(brain: Brain) -> None:
    got = ask_recommend(
        brain,
        "ann",
        n=4,
        exclude=["p21"],
        filter={"category": "grocery", "max_price_minor": 124},
    )

    # From p20 on: p20 is soap, p21 excluded, p25 and above too dear; p12 and p13 are popular.
    assert ids(got) == numbered(22, 24, 10, 12)


def test_a_category_counts_whole_words_of_its_path(brain: Brain) -> None:
    assert ids(ask_recommend(brain, "ann", filter={"category": "GROC"})) == []


@pytest.mark.parametrize("customer_id", ["bob", "nobody", "new"])
def test_everybody_else_gets_what_is_popular(brain: Brain, customer_id: str) -> None:
    got = ask_recommend(brain, customer_id, n=3)

    assert (got["rung"], ids(got)) == ("popular", numbered(10, 11, 12))


def test_a_cluster_nothing_is_known_of_is_not_called_a_segment(
    home: Path, open_brain: OpenBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "profile", lambda key: Profile(key, outputs={"cluster": "gone"}))
    shop.snapshot(home, "ann", day=1)

    got = ask_recommend(open_brain(home), "ann", n=3)

    assert (got["rung"], ids(got)) == ("popular", numbered(10, 11, 12))


def test_withdrawing_consent_counts_at_the_next_call(brain: Brain) -> None:
    assert ask_recommend(brain, "ann")["rung"] == "snapshot"

    brain.withdrawals.withdraw("ann", PERSONALISATION, "test", brain.now())

    assert ask_recommend(brain, "ann")["rung"] == "popular"


def test_every_recommendation_is_logged_also_the_same_again(home: Path, brain: Brain) -> None:
    given = [ask_recommend(brain, "ann")["decision_id"] for _ in range(2)]
    brain.decisions.flush()
    given.append(ask_recommend(brain, "ann")["decision_id"])
    brain.decisions.flush()

    with sqlite3.connect(home / "decisions.db") as connection:
        rows = connection.execute("SELECT decision_id FROM decisions WHERE kind = 'recommend'")
        logged = [row[0] for row in rows]
    connection.close()
    assert sorted(logged) == sorted(given)
    assert len(set(given)) == 3


def test_without_a_snapshot_the_campaigns_favourites_are_recommended(
    home: Path, open_brain: OpenBrain
) -> None:
    shutil.rmtree(home / "snapshots")
    brain = open_brain(home)

    got = ask_recommend(brain, "ann", n=2)

    assert (got["rung"], ids(got)) == ("static", numbered(50, 51))


def test_with_nothing_at_all_the_list_is_empty_not_an_error(
    tmp_path: Path, open_brain: OpenBrain
) -> None:
    brain = open_brain(tmp_path / "empty")

    assert ask_recommend(brain, "ann")["products"] == []
    first, *others = brain.missing()
    assert "sendwise import" in first  # nothing else can be made before
    assert len(others) == 3


def test_the_ids_of_the_reference_are_of_the_kind_that_is_given(brain: Brain) -> None:
    text = (shop.CONF.parent / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    recommended, rendered = re.findall(r'"decision_id":"([^"]*)"', text)
    given = ask_recommend(brain, "ann")

    assert len(recommended) == len(given["decision_id"])
    assert UUID(recommended).version == UUID(given["decision_id"]).version
    assert rendered == render_decision_id("weekly_picks", "demo-1", "1004")


@pytest.mark.parametrize("customer_id", ["ann", "bob", "nobody"])
@pytest.mark.parametrize("slot", EVERY_SLOT)
def test_every_slot_has_exactly_n_products_each_once_with_a_reason(
    brain: Brain, slot: str, customer_id: str
) -> None:
    got = ask_recommend(brain, customer_id, slot=slot, n=40, products=["p0"])

    assert len(set(ids(got))) == 40
    assert "p0" not in ids(got)
    assert all(each["reason"] and each["source"] for each in got["products"])


def test_more_than_there_is_gives_all_there_is(brain: Brain) -> None:
    assert len(ids(ask_recommend(brain, "nobody", slot="popular", n=100))) == 60


def test_a_filter_is_filled_from_the_whole_catalogue_best_sellers_first(brain: Brain) -> None:
    asked = {"category": "DRUG GM", "max_price_minor": 112}

    got = ask_recommend(brain, "nobody", slot="popular", n=9, filter=asked)

    assert ids(got) == numbered(11, 2, 5, 8)  # p0 to p9 are in no list of the manifest


def test_what_is_similar_names_what_it_is_like(brain: Brain) -> None:
    got = ask_recommend(brain, "nobody", slot="similar_to", n=4, products=["p0"])

    assert (got["rung"], ids(got)) == ("fresh", numbered(33, 30, 12, 15))
    assert reasons(got)["p33"] == "Like Product 0"
    assert reasons(got)["p12"] == "it sells"  # a best seller of the same category


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        ({"viewed": ["p9", "p0"]}, "Like Product 0, which you viewed"),
        ({"cart": ["p0"]}, "Like Product 0, in your basket"),
        ({"bought": ["p0"]}, "Like Product 0, which you bought"),
    ],
)
def test_without_products_it_is_about_what_was_done_just_now(
    brain: Brain, session: dict[str, list[str]], reason: str
) -> None:
    got = ask_recommend(brain, "new", slot="similar_to", n=4, **session)

    assert (got["rung"], got["products"][0]["product_id"]) == ("fresh", "p33")
    assert reasons(got)["p33"] == reason


def test_without_a_session_either_it_is_about_what_was_bought_last(brain: Brain) -> None:
    got = ask_recommend(brain, "ann", slot="goes_with", n=4)

    assert got["rung"] == "snapshot"
    assert reasons(got)["p34"] == "Bought together with Product 1"
    assert reasons(got)["p35"] == "People who bought Product 2 buy this too"  # the next best


def test_a_customer_known_for_five_seconds_gets_a_list_that_uses_them(brain: Brain) -> None:
    got = ask_recommend(brain, "new", n=4, viewed=["p2"])

    assert (got["rung"], ids(got)) == ("fresh", numbered(35, 36, 10, 11))
    assert got["products"][0]["source"] == "session"
    assert reasons(got)["p35"] == "People who bought Product 2 buy this too"


def test_a_session_takes_turns_with_the_customers_own_list(brain: Brain) -> None:
    got = ask_recommend(brain, "ann", n=5, viewed=["p2"])

    assert ids(got) == numbered(35, 20, 36, 21, 22)


def test_what_is_in_the_basket_or_just_bought_is_in_no_list(brain: Brain) -> None:
    for slot in EVERY_SLOT:
        got = ask_recommend(
            brain, "ann", slot=slot, n=50, cart=["p20", "p50"], bought=["p1", "p53"]
        )
        assert not {"p20", "p50", "p1", "p53"} & set(ids(got))


def test_what_is_new_was_never_bought(brain: Brain) -> None:
    assert not set(numbered(*range(8))) & set(ids(ask_recommend(brain, "ann", n=52)))


def test_not_bought_within_so_many_days_counts_from_now(brain: Brain) -> None:
    asked = {"slot": "buy_again", "n": 3}

    got = ask_recommend(brain, "ann", **asked, filter={"not_bought_days": 15})

    assert ids(got) == numbered(2, 3, 4)  # p2: 14 days before the snapshot, which is a day old
    assert ids(ask_recommend(brain, "ann", **asked, filter={"not_bought_days": 16}))[0] == "p3"


def test_without_consent_neither_session_nor_purchases_count_but_the_question_does(
    brain: Brain,
) -> None:
    done = {"viewed": ["p2"], "cart": ["p10"], "bought": ["p11"]}

    got = ask_recommend(brain, "bob", n=3, **done, filter={"not_bought_days": 99})
    asked = ask_recommend(brain, "bob", slot="goes_with", n=1, **done, products=["p1"])

    # What they have in hand is left out all the same.
    assert (got["rung"], ids(got)) == ("popular", numbered(12, 13, 14))
    assert (asked["rung"], ids(asked)) == ("fresh", ["p34"])


@pytest.mark.parametrize("slot", ["similar_to", "goes_with", "new_for_you", "buy_again"])
@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="an-empty-basket"),
        pytest.param({"viewed": ["no such"], "cart": ["none"], "products": ["?"]}, id="unknown"),
        pytest.param({"viewed": [], "cart": [], "bought": [], "products": []}, id="empty"),
    ],
)
def test_unknown_products_and_an_empty_basket_fall_back_to_what_is_popular(
    brain: Brain, slot: str, given: dict[str, list[str]]
) -> None:
    got = ask_recommend(brain, "new", slot=slot, n=3, **given)

    assert (got["rung"], ids(got)) == ("popular", numbered(10, 11, 12))


def test_an_id_that_is_given_twice_counts_once(brain: Brain) -> None:
    once = ask_recommend(brain, "new", n=5, viewed=["p0", "p2"])
    twice = ask_recommend(brain, "new", n=5, viewed=["p2", "p0", "p2", "p2"])

    assert ids(once) == ids(twice)
    assert [each["score"] for each in once["products"]] == [
        each["score"] for each in twice["products"]
    ]


def test_promotions_have_their_places_and_caps_hold(brain: Brain) -> None:
    got = ask_recommend(
        brain,
        "ann",
        n=4,
        max_per_category=2,
        promote=[{"product_id": "p9", "place": 2, "reason": "Our milk"}, {"product_id": "none"}],
    )

    assert ids(got) == numbered(20, 9, 21, 22)[:2] + ids(got)[2:]
    assert (got["products"][1]["source"], reasons(got)["p9"]) == ("promotion", "Our milk")
    assert got["rung"] == "snapshot"
    categories = [int(each.removeprefix("p")) % 3 for each in ids(got)]
    assert max(categories.count(each) for each in categories) == 2


def test_a_list_of_promotions_alone_is_no_rung_of_the_ladder(brain: Brain) -> None:
    got = ask_recommend(brain, "ann", n=1, promote=[{"product_id": "p9"}])

    assert (got["rung"], ids(got)) == ("static", ["p9"])


def test_a_recipient_who_comes_twice_gets_a_list_for_each_session(brain: Brain) -> None:
    twice = [{"customer_id": "new", "viewed": ["p2"]}, {"customer_id": "new"}]
    request = RecommendRequest.model_validate({"recipients": twice, "n": 1})

    first, second = recommend(brain, request, request.recipients)

    assert ids(first) == ["p35"]
    assert ids(second) == ids(ask_recommend(brain, "new", n=1))
    assert ids(first) != ids(second)
