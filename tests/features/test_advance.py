from __future__ import annotations

import ibis
import pytest

from features.advance import LONGEST_DAYS, Advance
from features.columns import Clock
from features.feature import kinds_of
from features.groupings import Groupings
from features.registry import REGISTRY
from features.shop import Shop

_DAY_US = 86_400_000_000
_AT = 20_000 * _DAY_US
WHOLE = Groupings(kinds=kinds_of(REGISTRY), cutoffs=(_AT,), clock=Clock(shop=Shop()), who="seen")
NEXT = Advance.of(WHOLE, _AT - _DAY_US)


def test_no_window_is_so_short_that_what_came_has_left_it() -> None:
    windows = [read.kind.reach(read) for reads in WHOLE.kinds.values() for read in reads]
    flat = [days for days in windows if days is not None]
    assert min(flat) > LONGEST_DAYS


def test_what_is_moved_on_has_the_columns_of_what_is_made_from_all_events() -> None:
    in_full = {name: table for name, table, has_parts in WHOLE.steps() if has_parts}
    came = {name: table for name, table, has_parts in NEXT.steps() if has_parts}
    assert [*came] == [*in_full]
    _, columns = WHOLE.joined(in_full, "duckdb")
    _, moved = NEXT.joined(came, "duckdb")
    assert {*moved} == {*columns}


@pytest.mark.parametrize("brief", [False, True])
def test_what_is_read_of_events_lies_in_the_day_or_in_a_brief_window(brief: bool) -> None:
    chosen = [(kind, reads) for kind, reads in NEXT.kinds.items() if not kind.flat]
    kind, reads = next(each for each in chosen if each[0].brief is brief)
    query = str(ibis.to_sql(NEXT.counted(kind.source, kind, reads).table, dialect="duckdb"))
    assert (f">= {_AT - _DAY_US}" in query) is not brief
