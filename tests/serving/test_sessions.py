from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from core.clock import DAY
from ingest.log import EventLog
from serving.brain import Brain
from serving.sessions import Session, joined, sessions_of, with_purchases
from tests.serving import shop
from tests.serving.asking import ask_recommend, ids
from tests.serving.doing import ADDED, ORDERED, REMOVED, VIEWED, do
from tests.serving.mails import in_slot, render, with_rule


def session_of(brain: Brain, customer_id: str = "ann") -> Session | None:
    return brain.sessions([customer_id]).get(customer_id)


def test_a_session_is_told_by_its_events_the_latest_last(home: Path, brain: Brain) -> None:
    do(home, "ann", (VIEWED, "p1"), (VIEWED, "p2"), (VIEWED, "p1"), (ADDED, "p3"), (ADDED, "p4"))
    do(home, "ann", (REMOVED, "p3"), ago=DAY / 48)

    assert session_of(brain) == Session(viewed=["p2", "p1"], cart=["p4"], bought=[])


def test_what_is_ordered_leaves_the_basket(home: Path, brain: Brain) -> None:
    do(home, "ann", (ADDED, "p3"), (ADDED, "p4"), (ORDERED, "p3"))

    assert session_of(brain) == Session(viewed=[], cart=["p4"], bought=["p3"])


def test_only_what_was_done_after_the_snapshot_and_before_now_counts(
    home: Path, brain: Brain
) -> None:
    do(home, "ann", (VIEWED, "p1"), ago=2 * DAY)  # the snapshot is a day old
    do(home, "ann", (VIEWED, "p2"), ago=-DAY)
    do(home, "bob", (VIEWED, "p3"))

    assert session_of(brain) is None


def test_a_long_session_keeps_its_end(home: Path, brain: Brain) -> None:
    do(home, "ann", *((VIEWED, f"p{number}") for number in range(60)))

    found = session_of(brain)

    assert found
    assert found.viewed == [f"p{number}" for number in range(10, 60)]


def test_a_log_that_cannot_be_read_leaves_nobody_blank(home: Path) -> None:
    with closing(EventLog(home / "events.db")) as events:
        events.cursor("DROP TABLE items")

        assert sessions_of(events, ["ann"], since=shop.NOW - DAY, until=shop.NOW) == {}


def test_somebody_new_gets_a_list_that_follows_an_event_of_seconds_ago(
    home: Path, brain: Brain
) -> None:
    before = ask_recommend(brain, "new", n=2)
    do(home, "new", (VIEWED, "p2"), ago=timedelta(seconds=5))

    after = ask_recommend(brain, "new", n=2)

    assert (before["rung"], after["rung"]) == ("popular", "fresh")
    assert ids(after) == ["p35", "p36"]  # who bought p2 buys these


def test_what_was_bought_meanwhile_is_shown_to_nobody_again(home: Path, brain: Brain) -> None:
    assert "p20" in ids(ask_recommend(brain, "ann", n=5))
    do(home, "ann", (ORDERED, "p20"), (ADDED, "p21"))

    got = ids(ask_recommend(brain, "ann", n=5))

    assert not {"p20", "p21"} & set(got)


def test_without_consent_to_personalisation_no_session_is_looked_at(
    home: Path, brain: Brain
) -> None:
    before = ask_recommend(brain, "bob", n=3)
    do(home, "bob", (VIEWED, "p2"))

    assert ids(ask_recommend(brain, "bob", n=3)) == ids(before)


def test_a_mail_knows_what_was_bought_meanwhile(home: Path, brain: Brain) -> None:
    with_rule(brain, list="goes_with", n=1, avoid=[])
    do(home, "ann", (ORDERED, "p9"))

    render(brain)

    assert in_slot(brain, "new_for_you") == [("p10", "People who bought Product 9 buy this too")]


def test_what_a_caller_says_stands_after_what_is_known_and_names_the_basket() -> None:
    known = Session(viewed=["a"], cart=["b"], bought=["c"])

    assert joined(known, Session()) == known
    assert joined(known, Session(["d"], ["e"], ["f"])) == Session(["a", "d"], ["e"], ["c", "f"])


def test_purchases_since_the_snapshot_come_first_and_count_as_of_now() -> None:
    profile = shop.profile("ann")

    got = with_purchases(profile, Session(bought=["p9", "p1"]), age_days=1.5)

    assert [*got.bought.items()][:3] == [("p1", -1), ("p9", -1), ("p0", 0)]
    assert got.bought.keys() == profile.bought.keys() | {"p9"}
    assert with_purchases(profile, None, age_days=1.5) is profile
