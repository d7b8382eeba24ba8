from __future__ import annotations

import ibis
import pytest

from features.advance import Advance, longest_days
from features.columns import Clock
from features.feature import kinds_of
from features.groupings import Groupings
from features.kinds.kind import Brief, Flat
from features.kinds.tally import Tally
from features.measures import ONE
from features.registry import REGISTRY
from features.shop import Shop
from features.things import CUSTOMER
from ingest.contract import ORDER_COMPLETED

_DAY_US = 86_400_000_000
_AT = 20_000 * _DAY_US
WHOLE = Groupings(kinds=kinds_of(REGISTRY), cutoffs=(_AT,), clock=Clock(shop=Shop()), who="seen")
NEXT = Advance.of(WHOLE, _AT - _DAY_US)


@pytest.mark.parametrize(
    ("windows", "days"),
    [
        pytest.param((7, 30, 90, 365), 6, id="what-came-has-not-left-a-week"),
        pytest.param((28, 30), 1, id="nothing-leaves-two-windows-at-once"),
        pytest.param((3, 90), 2, id="short"),
        pytest.param((1,), 0, id="not-at-all"),
    ],
)
def test_parts_are_moved_by_no_more_days_than_windows_allow(
    windows: tuple[int, ...], days: int
) -> None:
    orders = Tally(ONE, (ORDER_COMPLETED,))
    assert longest_days({orders: [orders.total, *(orders.last(each) for each in windows)]}) == days


def test_a_build_of_the_registry_may_be_skipped_for_five_nights() -> None:
    assert longest_days(WHOLE.kinds) == 6


def test_what_is_moved_on_has_the_columns_of_what_is_made_from_all_events() -> None:
    in_full, came = (
        {step.name: step.table for step in each.steps() if step.role == "parts"}
        for each in (WHOLE, NEXT)
    )
    _, columns = WHOLE.joined(in_full, "duckdb")
    _, moved = NEXT.joined(came, "duckdb")
    assert {*moved} == {*columns} - {CUSTOMER}


@pytest.mark.parametrize("brief", [False, True])
def test_what_is_read_of_events_lies_in_the_day_or_in_a_brief_window(brief: bool) -> None:
    chosen = [(kind, reads) for kind, reads in NEXT.kinds.items() if not isinstance(kind, Flat)]
    kind, reads = next(each for each in chosen if isinstance(each[0], Brief) is brief)
    query = str(ibis.to_sql(NEXT.counted(kind.source, kind, reads).table, dialect="duckdb"))
    assert (f">= {_AT - _DAY_US}" in query) is not brief
