from __future__ import annotations

import re

from core.clock import DAY_US
from features.feature import kinds_of
from features.registry import ORDERS, REVENUE
from features.tiles import Cut

NOON = 1_000 * DAY_US + DAY_US // 2
READS = [read for reads in kinds_of((*ORDERS, *REVENUE)).values() for read in reads]


def test_time_is_cut_at_cutoffs_and_at_the_midnights_where_windows_begin() -> None:
    cut = Cut.at([NOON], READS)

    assert cut.ends == (*((1_000 - days) * DAY_US for days in (365, 90, 30)), NOON)


def test_what_two_cutoffs_share_is_cut_once() -> None:
    later = NOON + 60 * DAY_US
    cut = Cut.at([NOON, later], READS)

    assert (1_000 - 30) * DAY_US in cut.ends  # 30 days before the first, 90 before the second
    assert len(cut.ends) == len(set(cut.ends)) == 2 + 2 * 3 - 1
    assert list(cut.ends) == sorted(cut.ends)


def test_a_cutoff_adds_up_the_tiles_before_it_only() -> None:
    spans = Cut.at([NOON, NOON + DAY_US], READS).steps()["spans"]

    rows = re.findall(r"\((\d+), (-?\d+), (\d+), (\d+)\)", spans)
    assert all(int(end) <= int(cutoff) for _, _, end, cutoff in rows)
    assert max(int(end) for _, _, end, cutoff in rows if int(cutoff) == NOON) == NOON
