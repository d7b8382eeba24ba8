from __future__ import annotations

from features.row import Happening, Line
from ingest.contract import ITEMS, ORDER_COMPLETED
from tests.features.conftest import NOW, Happened, tables


def test_an_event_and_its_lines_are_taken_from_rows_of_the_tables() -> None:
    events, items = tables(
        [Happened(customer="ann", at=NOW, lines=("A", None), price=250, campaign="spring")]
    )

    got = Happening.of(events.to_pylist()[0], items.to_pylist())

    assert (got.event, got.campaign_id, got.currency) == (ORDER_COMPLETED, "spring", "EUR")
    assert [line.category for line in got.lines] == ["A", None]
    assert {(line.event, line.ts_us, line.price_minor) for line in got.lines} == {
        (ORDER_COMPLETED, got.ts_us, 250)
    }


def test_columns_that_are_not_there_are_unknown() -> None:
    got = Happening.of({"event": ORDER_COMPLETED, "ts_us": 5}, [{}])

    assert got == Happening(
        ORDER_COMPLETED, 5, lines=(Line(ORDER_COMPLETED, 5, None, None, None, None, None, None),)
    )


def test_a_line_has_only_columns_of_the_item_table() -> None:
    assert set(Line.__dataclass_fields__) <= set(ITEMS.names)
