from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from content.campaign import campaign_folder
from core.errors import SendwiseError
from ingest.log import EventLog
from privacy.consent import EMAIL_MARKETING, PERSONALISATION
from serving.brain import Brain
from serving.messages import RenderRequest
from serving.problems import Problem
from serving.rendering import NO_MARKETING, render_content
from tests.serving import shop
from tests.serving.mails import in_slot, render, shown, with_rule

OpenBrain = Callable[[Path], Brain]


def ask(brain: Brain, asked: dict[str, object]) -> list[dict[str, Any]]:
    request = RenderRequest.model_validate(asked)
    return render_content(brain, request, request.recipients)


def withdraw(brain: Brain, customer_id: str, purpose: str) -> None:
    brain.withdrawals.withdraw(customer_id, purpose, "test", brain.now())


def test_content_is_personal_and_says_what_it_rests_on(brain: Brain) -> None:
    got = render(brain)

    assert got["send"] is True
    assert got["rung"] == "snapshot"
    assert "Zelmira" in got["subject"]
    assert {block["slot"]: block["rung"] for block in got["blocks"]} == {
        "hero": "snapshot",
        "buy_again": "snapshot",
        "new_for_you": "snapshot",
    }
    assert shown(brain) == {"p0", "p1", "p2", "p3", "p20", "p21", "p22", "p23"}
    assert got["model_versions"] == {"propensity-order-30d": "1", "recommender": "4"}
    assert got["as_of"] == "2024-05-31T12:00:00+00:00"


def test_headers_let_one_click_unsubscribe_without_an_address_in_the_link(brain: Brain) -> None:
    got = render(brain, shop.ODD)

    link = got["headers"]["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://mail.example.test/unsubscribe/")
    assert link in got["text"]
    assert got["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "@" not in link
    read = brain.links.read(link.rpartition("/")[2])
    assert read is not None
    assert read.customer_id == shop.ODD


def test_without_consent_to_mail_nothing_is_sent_and_nothing_decided(brain: Brain) -> None:
    got = render(brain, "cid")

    assert (got["send"], got["why_not"]) == (False, NO_MARKETING)
    assert [got[part] for part in ("subject", "preheader", "html", "text")] == [None] * 4
    assert (got["headers"], got["blocks"], got["decision_id"]) == ({}, [], None)
    assert brain.decisions.find("weekly_picks", "s1", ["cid"]) == {}


def test_somebody_unknown_has_not_agreed(brain: Brain) -> None:
    assert render(brain, "nobody")["why_not"] == NO_MARKETING


def test_without_consent_to_personalisation_content_is_for_everybody_and_says_so(
    brain: Brain,
) -> None:
    got = render(brain, "bob")

    assert got["send"] is True
    assert got["rung"] == "popular"
    assert "Zelmira" not in got["subject"] + got["html"] + got["text"]
    assert all("no consent to personalisation" in block["reason"] for block in got["blocks"])
    assert shown(brain, customer_id="bob") <= {f"p{number}" for number in range(10, 60)}


def test_a_customer_without_a_profile_gets_what_is_popular(brain: Brain) -> None:
    got = render(brain, "new")

    assert (got["send"], got["rung"]) == (True, "popular")


def test_withdrawing_counts_at_the_next_call(brain: Brain) -> None:
    assert render(brain)["send"] is True

    withdraw(brain, "ann", EMAIL_MARKETING)

    assert render(brain)["send"] is False


def test_withdrawing_personalisation_takes_the_personal_out_of_a_kept_decision(
    brain: Brain,
) -> None:
    first = render(brain)
    withdraw(brain, "ann", PERSONALISATION)

    got = render(brain)

    assert got["decision_id"] == first["decision_id"]
    assert got["rung"] == "popular"
    assert "Zelmira" not in got["html"]


def test_a_repeated_call_gives_the_same_content_whatever_was_learnt_since(
    home: Path, open_brain: OpenBrain
) -> None:
    before = open_brain(home)
    first = render(before)
    before.decisions.flush()
    shop.snapshot(home, "somebody else", day=1)

    assert render(open_brain(home)) == first
    assert render(open_brain(home), send_id="s2")["rung"] == "popular"


def test_a_product_that_sold_out_leaves_a_kept_decision(home: Path, open_brain: OpenBrain) -> None:
    before = open_brain(home)
    first = render(before)
    before.decisions.flush()
    log = EventLog(home / "events.db")
    log.put_products(shop.products(gone=frozenset({"p0"})))
    log.close()

    again = render(open_brain(home))

    assert "Product 0<" in first["html"]
    assert "Product 0<" not in again["html"]
    assert "Product 1<" in again["html"]
    assert again["decision_id"] == first["decision_id"]


def test_a_campaign_may_show_what_goes_with_the_last_purchase(brain: Brain) -> None:
    with_rule(brain, list="goes_with", n=2, avoid=[])

    render(brain)
    render(brain, "bob")

    assert in_slot(brain, "new_for_you") == [
        ("p34", "Bought together with Product 1"),
        ("p35", "People who bought Product 2 buy this too"),
    ]
    assert in_slot(brain, "new_for_you", "bob")[0][1] == "because of popularity"


def test_a_campaign_may_show_what_is_trending_to_everybody(brain: Brain) -> None:
    with_rule(brain, list="trending", n=2)

    for customer_id in ("ann", "bob", "new"):
        render(brain, customer_id)
        assert [each for each, _ in in_slot(brain, "new_for_you", customer_id)] == ["p50", "p51"]


def test_a_filter_of_a_slot_is_filled_from_the_whole_catalogue_and_stays_so(brain: Brain) -> None:
    cheap = {"category": "DRUG GM", "max_price_minor": 112}
    with_rule(brain, filter=cheap, n=2, promote=[{"product_id": "p8", "place": 2}], avoid=[])

    first = render(brain)

    # p2 and p5 were bought before; p8 and p11 are of no list at all.
    assert [each for each, _ in in_slot(brain, "new_for_you")] == ["p11", "p8"]
    assert render(brain) == first


@pytest.mark.parametrize(
    "old",
    [
        b'{"decision": {"slots": [{"products": []}], "shape": "old"}}',
        b'{"decision": {"slots": [{"block": "hero"}]}}',
        b'{"decision": {"slots": {}}}',
        b'{"decision": "none"}',
        b"{}",
    ],
)
def test_a_decision_of_an_earlier_version_is_decided_anew(
    home: Path, brain: Brain, old: bytes
) -> None:
    first = render(brain)
    brain.decisions.flush()
    with sqlite3.connect(home / "decisions.db") as connection:
        connection.execute("UPDATE decisions SET body = ?", (old,))
    connection.close()

    assert render(brain) == first


@pytest.fixture
def with_stores(home: Path, tmp_path: Path, open_brain: OpenBrain) -> Brain:
    """The shop's brain with a campaign that reads `context.store`."""
    conf = shutil.copytree(shop.CONF, tmp_path / "conf")
    folder = conf / "campaigns" / "weekly_picks"
    for file, old, new in (
        ("campaign.yaml", "picks for this week", "picks in {{ context.store }}"),
        ("campaign.yaml", "when: \"'lapsing'", "when: \"context.store == 'Leeds' or 'lapsing'"),
        ("email.mjml", "{{ why }}", "{{ why }} {{ context.store }}"),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    shutil.rmtree(campaign_folder(home, "weekly_picks"))
    shop.publish(home, folder)
    return open_brain(home)


def test_the_callers_context_reaches_subject_template_and_rule(with_stores: Brain) -> None:
    here = render(with_stores, send_id="s1", context={"store": "Leeds"})
    there = render(with_stores, send_id="s2", context={"store": "Y<o>rk", "unread": 1})

    assert here["subject"].endswith("picks in Leeds")
    assert here["blocks"][0]["block"] == "hero_miss_you"
    assert "Y&lt;o&gt;rk" in there["html"]
    assert there["blocks"][0]["block"] == "hero_regular"


def test_a_context_nobody_gave_is_empty(with_stores: Brain) -> None:
    got = render(with_stores)

    assert got["subject"].endswith("picks in")
    assert got["rung"] == "snapshot"


def test_a_repeated_call_with_another_context_gives_the_same_content(
    home: Path, with_stores: Brain, open_brain: OpenBrain
) -> None:
    first = render(with_stores, context={"store": "Leeds"})
    with_stores.decisions.flush()

    assert render(with_stores, context={"store": "York"}) == first
    assert render(open_brain(home)) == first


def test_without_consent_to_personalisation_the_context_is_not_used(with_stores: Brain) -> None:
    got = render(with_stores, "bob", context={"store": "Leeds"})

    assert "Leeds" not in got["subject"] + got["html"] + got["text"]


def test_only_what_the_campaign_reads_of_a_context_is_kept(with_stores: Brain) -> None:
    render(with_stores, context={"store": "Leeds", "phone": "0113 496 0000"})

    kept: Any = with_stores.decisions.find("weekly_picks", "s1", ["ann"])["ann"].body["decision"]
    assert kept["context"] == {"store": "Leeds"}


def test_without_a_send_id_the_day_is_the_send(brain: Brain) -> None:
    asked = {"campaign": "weekly_picks", "recipients": [{"customer_id": "ann"}]}
    ask(brain, asked)

    assert set(brain.decisions.find("weekly_picks", "2024-06-01", ["ann"])) == {"ann"}


def test_the_same_customer_twice_in_a_batch_is_decided_once(brain: Brain) -> None:
    asked = {"campaign": "weekly_picks", "recipients": [{"customer_id": "ann"}] * 2}
    one, two = ask(brain, asked)

    assert one == two


def test_the_log_holds_why_and_on_what_consent(home: Path, brain: Brain) -> None:
    render(brain, "bob")
    brain.decisions.flush()

    with sqlite3.connect(home / "decisions.db") as connection:
        ((body,),) = connection.execute("SELECT body FROM decisions").fetchall()
    kept = brain.decisions.find("weekly_picks", "s1", ["bob"])["bob"].body
    assert kept["consent"] == {"email_marketing": True, "personalisation": False}
    assert kept["as_of"] == "2024-05-31T12:00:00+00:00"
    assert b"example.test" not in body  # no address


def test_an_unknown_campaign_is_a_problem_that_names_the_known(brain: Brain) -> None:
    asked = {"campaign": "spring-sale", "recipients": [{"customer_id": "ann"}]}

    with pytest.raises(Problem, match="weekly_picks") as caught:
        ask(brain, asked)

    assert (caught.value.status, caught.value.kind) == (404, "campaign-unknown")
    assert not isinstance(caught.value, SendwiseError)
