from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.shop import EVENTS, HEADER, MAPPING, Shop


def test_an_order_of_two_customers_is_set_aside_whole(shop: Shop) -> None:
    shop.take(events=EVENTS + "C1,1,2024-01-01,ann,tea,1,3.50\nC1,2,2024-01-01,bob,tea,1,3.50\n")

    why = "lines of one event name different customers"
    assert shop.reasons() == {5: why, 6: why}
    assert [row[0] for row in shop.dump()["events"]] == ["A1", "B1"]


def test_lines_without_an_id_keep_their_order_and_equal_ones_count_twice(shop: Shop) -> None:
    mapping = MAPPING.replace("line_id: line, ", "")
    rows = "A1,,2024-01-01,ann,{},1,1\n"
    events = HEADER + rows.format("tea") + rows.format("mug") + rows.format("tea")

    for _ in range(2):
        shop.take(mapping, events=events)

        assert [row[3] for row in shop.dump()["items"]] == ["tea", "mug", "tea"]


def test_a_line_that_comes_later_joins_its_order(shop: Shop) -> None:
    first, second, *_ = EVENTS.removeprefix(HEADER).splitlines(keepends=True)
    shop.take(events=HEADER + first)
    report = shop.take(events=HEADER + second)

    assert (report.events, report.revised, report.items) == (0, 1, 1)
    assert shop.dump()["events"][0][4] == 1500


def test_an_event_id_of_another_source_is_not_taken_over(shop: Shop) -> None:
    shop.take(events=EVENTS)
    other = MAPPING.replace("source: shop", "source: other")
    shop.take(other, events=HEADER + "A1,7,2024-01-31,ann,tea,1,1\nZ1,1,2024-01-31,ann,tea,1,1\n")

    assert shop.reasons() == {2: "event id belongs to source shop"}
    assert [row[0] for row in shop.dump()["events"]] == ["A1", "B1", "Z1"]


def test_a_line_that_somebody_else_has_is_set_aside_and_no_duplicate(shop: Shop) -> None:
    shop.take(events=EVENTS)
    other = MAPPING.replace("source: shop", "source: other")
    again = "Z1,1,2024-01-31,ann,tea,1,1\n"
    shop.take(other, events=HEADER + "A1,1,2024-01-31 23:30:00,ann,tea,2,3.50\n" + again)
    assert shop.reasons() == {2: "event id belongs to source shop"}

    report = shop.take(events=EVENTS.replace("09:00:00,bob", "10:00:00,eve"))

    assert report.sections[0].duplicate == 2
    (reason,) = report.sections[0].quarantined
    assert reason.startswith(
        "the log has this event for another customer, and time or lines differ"
    )
    assert "the whole order as it was with the right customer" in reason
    assert [row[:2] for row in shop.dump()["events"]] == [
        ("A1", "ann"),
        ("B1", "bob"),
        ("Z1", "ann"),
    ]


def test_an_order_with_its_customer_corrected_replaces_the_one_in_the_log(shop: Shop) -> None:
    shop.take(events=EVENTS)
    corrected = EVENTS.replace("bob", "eve").replace("ann", "amy")
    report = shop.take(events=corrected)

    assert (report.events, report.revised) == (0, 2)
    assert shop.reasons() == {}
    assert [row[:5] for row in shop.dump()["events"]] == [
        ("A1", "amy", "Order Completed", 1706743800000000, 1500),
        ("B1", "eve", "Order Completed", 1714550400000000, 350),
    ]
    assert len(shop.dump()["items"]) == 3
    assert shop.take(events=corrected).sections[0].duplicate == 3


def test_a_part_of_an_order_does_not_move_it_to_another_customer(shop: Shop) -> None:
    shop.take(events=EVENTS)
    first, *_ = EVENTS.removeprefix(HEADER).splitlines(keepends=True)
    shop.take(events=HEADER + first.replace("ann", "amy"))

    assert shop.reasons()[2].startswith("the log has this event for another customer")
    assert shop.dump()["events"][0][1] == "ann"


def test_a_line_twice_in_a_view_without_row_numbers_counts_once(shop: Shop) -> None:
    view = "views: {sold: SELECT * EXCLUDE (_row) FROM events}\nevents:\n  from: sold\n"
    first = EVENTS.removeprefix(HEADER).splitlines(keepends=True)[0]
    two = "C1,1,2024-01-01,ann,tea,1,3.50\nC1,2,2024-01-01,bob,mug,1,1\n"

    report = shop.take(MAPPING.replace("events:\n", view), events=EVENTS + first + two)

    assert len(shop.dump()["items"]) == 3
    assert report.sections[0].accepted == 3
    aside = shop.query("SELECT reason, payload LIKE '%staged%' FROM quarantine")
    assert aside == [("lines of one event name different customers", 0)] * 2


LINES = [
    f"O{order},{line},2024-0{1 + order}-1{line} 12:00:00,c{order},{sku},{1 + line},{price}.25\n"
    for order in range(4)
    for line, (sku, price) in enumerate([("tea", 3), ("mug", 8), ("jam", 2)][: 1 + order % 3])
]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_split_shuffle_and_repetition_of_the_lines_gives_the_same_log(
    new_shop: Callable[[], Shop], data: st.DataObject
) -> None:
    whole, parts = new_shop(), new_shop()
    whole.take(events=HEADER + "".join(LINES))
    lines = data.draw(st.permutations(LINES))
    again = data.draw(st.lists(st.sampled_from(LINES), max_size=5))
    cut = data.draw(st.integers(1, len(lines)))

    for piece in (lines[:cut] + again, lines[cut:], again):
        if piece:
            parts.take(events=HEADER + "".join(piece))

    assert parts.dump() == whole.dump()
