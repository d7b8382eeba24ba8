from __future__ import annotations

from features.families import EVERYBODY, Family, Who, families
from features.formula import Read
from features.kinds.kind import Kind
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import ONE, UNITS
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, EVENT_NAMES, ORDER_COMPLETED

_ORDER = (ORDER_COMPLETED,)
_orders, _opens, _clicks = (
    Tally(ONE, events) for events in (_ORDER, (EMAIL_OPENED,), (EMAIL_CLICKED,))
)


def _kinds(*reads: Read) -> dict[Kind, list[Read]]:
    found: dict[Kind, list[Read]] = {}
    for read in reads:
        found.setdefault(read.kind, []).append(read)
    return found


def _named(*reads: Read, who: Who = "seen") -> dict[str, Family]:
    return {family.name: family for family in families(_kinds(*reads), who)}


def test_reads_share_a_grouping_by_how_far_back_they_look() -> None:
    found = _named(_opens.last(7), _opens.last(365), _opens.total, _clicks.last(30))
    assert {name: family.kinds for name, family in found.items()} == {
        EVERYBODY: {_opens: [_opens.total]},
        "lately": {_opens: [_opens.last(7)], _clicks: [_clicks.last(30)]},
        "this_year": {_opens: [_opens.last(365)]},
    }


def test_a_grouping_reads_the_events_that_it_counts_and_no_further_back() -> None:
    found = _named(_opens.last(7), _clicks.last(30), _orders.last(365))
    assert found["lately"].events == (EMAIL_OPENED, EMAIL_CLICKED)
    assert found["lately"].reach == 30
    assert found["this_year"].reach == 365


def test_much_of_the_same_events_has_a_grouping_of_its_own() -> None:
    times = Times(_ORDER)
    _, own = families(_kinds(_orders.total, times.since_last, _orders.last(7)), "seen")
    assert own.kinds == {_orders: [_orders.total, _orders.last(7)], times: [times.since_last]}
    assert (own.events, own.reach) == (_ORDER, None)


def test_lines_are_grouped_apart_from_their_events() -> None:
    units = Tally(UNITS, _ORDER)
    found = families(_kinds(_orders.last(7), units.last(7)), "seen")
    assert [family.source for family in found] == ["events", "events", "items"]


def test_who_was_seen_is_everybody_whatever_the_features() -> None:
    first, *_ = families(_kinds(_opens.last(7)), "seen")
    assert (first.name, first.events, first.reach) == (EVERYBODY, None, None)


def test_what_counts_every_event_needs_no_grouping_of_its_own() -> None:
    (only,) = families(
        _kinds(Times(EVENT_NAMES).since_first, Times(EVENT_NAMES).since_last), "seen"
    )
    assert only.name == EVERYBODY
    assert [*only.kinds] == [Times(EVENT_NAMES)]


def test_who_bought_is_who_has_orders() -> None:
    first, *others = families(_kinds(_opens.total, _orders.last(7)), "bought")
    assert (first.name, first.events, [*first.kinds]) == (EVERYBODY, _ORDER, [_orders])
    assert first.reach is None  # old orders are orders too
    assert [(family.name, family.events) for family in others] == [("ever", (EMAIL_OPENED,))]
