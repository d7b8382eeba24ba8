from __future__ import annotations

import pytest

from profiles.snapshot import Profile
from serving.brain import Brain
from serving.offers import Offers
from tests.serving.mails import with_rule


def offers(brain: Brain, **rule: object) -> Offers:
    with_rule(brain, **rule)
    campaign = brain.campaigns["weekly_picks"]
    return Offers(campaign, brain.catalogue, brain.snapshot, popular=brain.popular, age_days=2.0)


def ann(brain: Brain) -> Profile:
    return brain.profiles(["ann"])["ann"]


def test_lists_that_follow_from_what_was_bought_are_added_where_they_are_named(
    brain: Brain,
) -> None:
    with_it = offers(brain, list="goes_with").with_kin(ann(brain))
    without = offers(brain, list="new_for_you").with_kin(ann(brain))

    assert [pick.product_id for pick in with_it.lists["goes_with"]][:2] == ["p34", "p35"]
    assert "goes_with" not in without.lists


def test_what_was_bought_is_as_old_as_it_is_now(brain: Brain) -> None:
    known = offers(brain)

    assert known.bought(ann(brain))["p1"] == pytest.approx(9.0)  # 7 at the snapshot, 2 since
    assert known.bought(None) == {}


def test_all_that_may_be_shown_is_looked_up(brain: Brain) -> None:
    cheap = {"max_price_minor": 103}
    known = offers(brain, list="trending", filter=cheap, promote=[{"product_id": "p9"}])

    ids = known.product_ids([ann(brain)])

    listed = {pick.product_id for picks in ann(brain).lists.values() for pick in picks}
    assert ids >= listed | {"p9", "p50", "p3", "p59"}  # promoted, trending, cheap, static


def test_the_own_cluster_is_offered_to_its_members_only(brain: Brain) -> None:
    known = offers(brain)

    assert next(iter(known.candidates(ann(brain), {}).segment)).product_id == "p40"
    assert not known.candidates(None, {}).segment


def test_without_a_snapshot_there_are_static_products_still(brain: Brain) -> None:
    campaign = brain.campaigns["weekly_picks"]
    known = Offers(campaign, brain.catalogue, None, popular=(), age_days=0.0)

    assert known.product_ids([]) == {each["product_id"] for each in campaign.static_products}
    assert not known.candidates(None, {}).popular
    assert known.with_kin(ann(brain)) == ann(brain)
