from __future__ import annotations

from features.columns import Clock
from features.definitions.orders import GAP_MEAN, ORDERS, RECENCY_DAYS, SEEN_DAYS
from features.feature import kinds_of
from features.formula import Read
from features.groupings import EVERYBODY, Groupings, families
from features.kinds.kind import Kind
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import ONE, UNITS
from features.registry import REGISTRY
from features.shop import Shop
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, EVENT_NAMES, ORDER_COMPLETED

_ORDER = (ORDER_COMPLETED,)
_orders, _opens = Tally(ONE, _ORDER), Tally(ONE, (EMAIL_OPENED,))


def _kinds(*reads: Read) -> dict[Kind, list[Read]]:
    found: dict[Kind, list[Read]] = {}
    for read in reads:
        found.setdefault(read.kind, []).append(read)
    return found


def test_kinds_over_the_same_events_share_a_grouping() -> None:
    times = Times(_ORDER)
    found = families(_kinds(_orders.total, times.since_last, _opens.last(7)), "seen")
    assert [[*family.kinds] for family in found] == [[], [_orders, times], [_opens]]
    assert [family.events for family in found] == [None, _ORDER, (EMAIL_OPENED,)]


def test_lines_are_grouped_apart_from_their_events() -> None:
    units = Tally(UNITS, _ORDER)
    found = families(_kinds(_orders.total, units.last(7)), "seen")
    assert [family.source for family in found] == ["events", "events", "items"]


def test_who_was_seen_is_everybody_whatever_the_features() -> None:
    first, *_ = families(_kinds(_opens.total), "seen")
    assert (first.name, first.events, first.reach) == (EVERYBODY, None, None)


def test_what_counts_every_event_needs_no_grouping_of_its_own() -> None:
    (only,) = families(_kinds(Times(EVENT_NAMES).since_first), "seen")
    assert only.name == EVERYBODY
    assert [*only.kinds] == [Times(EVENT_NAMES)]


def test_who_bought_is_who_has_orders() -> None:
    first, second = families(_kinds(_opens.last(7), _orders.last(7)), "bought")
    assert (first.name, first.events, [*first.kinds]) == (EVERYBODY, _ORDER, [_orders])
    assert first.reach is None  # old orders are orders too
    assert second.events == (EMAIL_OPENED,)


def test_a_grouping_reads_no_further_back_than_its_longest_window() -> None:
    _, family = families(_kinds(_opens.last(7), _opens.last(90)), "seen")
    assert family.reach == 90
    _, family = families(_kinds(_opens.last(7), _opens.total), "seen")
    assert family.reach is None


def test_every_kind_of_the_registry_has_its_columns_in_one_step() -> None:
    kinds = kinds_of(REGISTRY)
    clock = Clock(shop=Shop())
    grouped = Groupings(kinds=kinds, cutoffs=(10**15,), clock=clock, who="seen")
    columns = [
        name
        for _, table, has_parts in grouped.steps()
        if has_parts
        for name in table.columns
        if name != "customer_id"
    ]
    assert len(columns) == len({*columns})
    assert {int(name[1:].split("_")[0]) for name in columns} == {*range(len(kinds))}


def test_steps_of_several_cutoffs_have_a_row_for_each() -> None:
    features = (*ORDERS, RECENCY_DAYS, SEEN_DAYS, GAP_MEAN)
    grouped = Groupings(
        kinds=kinds_of(features), cutoffs=(1, 2), clock=Clock(shop=Shop()), who="bought"
    )
    for name, table, has_parts in grouped.steps():
        assert ("cutoff_us" in table.columns) == has_parts, name


def test_rows_are_of_the_events_asked_for() -> None:
    grouped = Groupings(kinds={}, cutoffs=(10,), clock=Clock(shop=Shop()), who="seen")
    rows = grouped.rows("events", (EMAIL_OPENED, EMAIL_CLICKED), None)
    assert rows.where((EMAIL_CLICKED, EMAIL_OPENED)) is None
    assert rows.where((EMAIL_CLICKED,)) is not None
