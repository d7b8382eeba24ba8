from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import DAY
from ingest.log import EventLog
from profiles.profile import Pick
from profiles.snapshot import write_snapshot
from serving.brain import Brain
from serving.selling import Selling
from tests.serving import shop
from tests.serving.asking import ask_recommend, ids, reasons
from tests.serving.doing import ORDERED, VIEWED, do

POPULAR = [Pick("p1", 10.0, "popularity", "Popular"), Pick("p2", 9.5, "popularity", "Popular")]
SINCE = shop.NOW - DAY


def test_orders_since_the_snapshot_change_the_order_and_bring_in_what_rises(home: Path) -> None:
    do(home, "ann", (ORDERED, "p2"), *[(ORDERED, "p9")] * 3, (ORDERED, "p8"), (VIEWED, "p7"))
    with closing(EventLog(home / "events.db")) as events:
        selling = Selling(events)

        assert selling.look(SINCE, shop.NOW)
        got = [(one.product_id, one.score) for one in selling.popular(POPULAR)]

    assert got == [("p2", 10.5), ("p1", 10.0), ("p9", 3.0)]


def test_each_order_is_counted_once_however_often_one_looks(home: Path) -> None:
    with closing(EventLog(home / "events.db")) as events:
        selling = Selling(events)
        first = selling.look(SINCE, shop.NOW)
        do(home, "ann", (ORDERED, "p2"))
        looks = [selling.look(SINCE, shop.NOW) for _ in range(3)]

        assert (first, looks) == (True, [True, False, False])
        assert selling.popular(POPULAR)[0].score == pytest.approx(10.5)


def test_much_is_counted_bit_by_bit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.selling._READ", 2)
    do(home, "ann", *[(ORDERED, "p9")] * 5)
    with closing(EventLog(home / "events.db")) as events:
        selling, counted = Selling(events), []
        for _ in range(4):
            selling.look(SINCE, shop.NOW)
            counted += [sum(one.score for one in selling.popular([]))]

    assert counted == [0, 4, 5, 5]  # two orders are not popular yet


def test_what_was_before_the_snapshot_or_has_not_happened_does_not_count(home: Path) -> None:
    do(home, "ann", *[(ORDERED, "p9")] * 3, ago=DAY + timedelta(hours=1))
    do(home, "ann", *[(ORDERED, "p9")] * 3, ago=-DAY)
    with closing(EventLog(home / "events.db")) as events:
        selling = Selling(events)
        selling.look(SINCE, shop.NOW)

        assert selling.popular(POPULAR) == POPULAR


def test_another_snapshot_starts_anew(home: Path) -> None:
    do(home, "ann", *[(ORDERED, "p9")] * 3, ago=DAY / 2)
    with closing(EventLog(home / "events.db")) as events:
        selling = Selling(events)
        selling.look(SINCE, shop.NOW)
        assert len(selling.popular(POPULAR)) == 3

        assert selling.look(shop.NOW - DAY / 4, shop.NOW)
        assert selling.popular(POPULAR) == POPULAR


def test_a_log_that_cannot_be_read_leaves_the_list_of_the_snapshot(home: Path) -> None:
    do(home, "ann", (ORDERED, "p2"))
    with closing(EventLog(home / "events.db")) as events:
        events.cursor("DROP TABLE items")
        selling = Selling(events)

        assert not selling.look(SINCE, shop.NOW)
        assert selling.popular(POPULAR) == POPULAR


def test_the_service_shows_at_once_what_sells(home: Path, brain: Brain) -> None:
    before = ask_recommend(brain, "nobody", slot="popular", n=2)
    do(home, "ann", *[(ORDERED, "p3")] * 4)
    brain._looked_s = float("-inf")
    brain.refresh()

    after = ask_recommend(brain, "nobody", slot="popular", n=2)

    assert "p3" not in ids(before)
    assert ids(after)[0] == "p3"
    assert reasons(after)["p3"] == "Popular this month"


def test_a_snapshot_of_the_same_instant_brings_its_own_list(home: Path, brain: Brain) -> None:
    assert brain.snapshot
    known = brain.snapshot.manifest
    other = known.model_copy(update={"id": f"{known.id}-2", "popular": tuple(POPULAR)})
    write_snapshot(home, other, [shop.profile("ann")], items=shop.items())
    brain._looked_s = float("-inf")
    brain.refresh()

    assert [one.product_id for one in brain.popular] == ["p1", "p2"]
