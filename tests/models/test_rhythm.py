from __future__ import annotations

import pandas as pd
import pytest

from models.rhythm import LONGEST, SHORTEST, Rhythm


def customers(*rows: tuple[float, float, float]) -> pd.DataFrame:
    """Build customers from (orders, mean gap, recency): tests read as a table."""
    return pd.DataFrame(rows, columns=["orders_total", "gap_mean_days", "recency_days"])


def test_the_shops_rhythm_is_the_gap_in_the_middle_of_who_came_back() -> None:
    got = Rhythm.fit(customers((2, 10, 0), (5, 20, 0), (3, 40, 0), (1, 365, 0)))

    assert got.shop == 20
    assert Rhythm.fit(customers((1, 365, 0))).shop == LONGEST


def test_few_gaps_are_drawn_to_the_shop_and_many_are_the_customers_own() -> None:
    got = Rhythm(20.0).days(customers((1, 365, 0), (3, 10, 0), (101, 10, 0)))

    assert got == pytest.approx([20, 15, 1_040 / 102])


def test_the_window_is_three_rhythms_within_a_month_and_a_quarter() -> None:
    got = Rhythm(20.0).window(customers((1, 365, 0), (101, 1, 0), (101, 80, 0)))

    assert got == pytest.approx([60, SHORTEST, LONGEST])


def test_a_short_history_has_shorter_windows_and_says_so() -> None:
    rhythm = Rhythm.fit(customers((2, 80, 0)), longest=60.0)

    assert rhythm.window(customers((101, 80, 0))) == pytest.approx([60])
    assert rhythm.definition.endswith("at least 30 and at most 60 days")


def test_silence_is_in_own_rhythms_and_who_is_overdue_is_due_now() -> None:
    rhythm = Rhythm(20.0)
    given = customers((1, 365, 10), (3, 12, 5), (3, 12, 30))

    assert rhythm.silence(given) == pytest.approx([0.5, 5 / 16, 30 / 16])
    assert rhythm.due(given) == pytest.approx([10, 7, 0])
