from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest

from features.shop import Shop
from ingest.contract import ORDER_REFUNDED
from tests.features.conftest import NOW, Happened
from tests.parity import worked_out

DAY = timedelta(days=1)
SCORES = ("rfm_recency", "rfm_frequency", "rfm_monetary", "rfm")


def order(who: str, age: timedelta, **given: object) -> Happened:
    return Happened(customer=who, at=NOW - age, **given)  # type: ignore[arg-type]


def test_rfm_scores_are_fifths_of_ten_buyers() -> None:
    # Buyer n ordered n days ago for the last time, n times in all, for n each: 1, 4, 9, ... 100.
    buyers = [order(f"b{n:02}", n * DAY, value=n) for n in range(1, 11) for _ in range(n)]
    reader = Happened(customer="reader", at=NOW - DAY, event="Email Opened", lines=())

    found = worked_out([*buyers, reader], *SCORES)

    fifths = {f"b{n:02}": (n + 1) // 2 for n in range(1, 11)}
    for who, fifth in fifths.items():
        assert list(found[who].values()) == [6.0 - fifth, fifth, fifth, 6.0 + fifth]
    assert set(found["reader"].values()) == {0.0}


def test_equal_buyers_have_equal_scores() -> None:
    found = worked_out([order(who, DAY) for who in "abcdefg"], *SCORES)

    assert {tuple(row.values()) for row in found.values()} == {(5.0, 1.0, 1.0, 7.0)}


def test_a_buyer_is_overdue_when_the_own_mean_gap_has_passed() -> None:
    rows = [order("ann", days * DAY) for days in (50, 40, 30)] + [order("bob", 30 * DAY)]

    found = worked_out(rows, "overdue_days", "overdue_ratio", "gap_mean_days", "gap_last_days")

    # 30 days since, every 10 days.
    ann = {"gap_mean_days": 10.0, "gap_last_days": 10.0, "overdue_days": 20.0}
    assert found["ann"] == pytest.approx({**ann, "overdue_ratio": 31 / 11}, rel=1e-12)
    bob = {"gap_mean_days": 365.0, "gap_last_days": 365.0, "overdue_days": 0.0}
    assert found["bob"] == {**bob, "overdue_ratio": 1.0}


def test_gaps_have_a_sample_deviation_and_a_longest() -> None:
    rows = [order("ann", days * DAY) for days in (60, 40, 10, 0.5)]  # gaps of 20, 30, 9.5 days

    [ann] = worked_out(rows, "gap_mean_days", "gap_std_days", "gap_max_days").values()

    mean = 59.5 / 3
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in (20, 30, 9.5)) / 2)
    expected = {"gap_mean_days": mean, "gap_std_days": deviation, "gap_max_days": 30.0}
    assert ann == pytest.approx(expected, rel=1e-12)


def test_order_values_have_a_mean_and_a_sample_deviation() -> None:
    rows = [order("ann", DAY, value=value) for value in (1_000, 2_000, 6_000)]
    rows.append(order("bob", DAY, value=700))

    found = worked_out(rows, "order_value_minor_30d", "order_value_std_minor")

    deviation = math.sqrt((2_000**2 + 1_000**2 + 3_000**2) / 2)
    assert list(found["ann"].values()) == pytest.approx([3_000.0, deviation], rel=1e-12)
    assert list(found["bob"].values()) == [700.0, 0.0]


def test_units_lines_and_refunds_are_counted_apart() -> None:
    rows = [
        order("ann", 2 * DAY, lines=("A", "B"), quantity=3),
        order("ann", 2 * DAY, lines=("A",), quantity=None),
        order("ann", DAY, event=ORDER_REFUNDED, value=400, lines=("A",)),
    ]

    [ann] = worked_out(
        rows, "units_7d", "basket_lines_90d", "refunds_7d", "refunded_minor_total", "orders_7d"
    ).values()

    assert ann == {
        "orders_7d": 2.0,
        "units_7d": 6.0,
        "basket_lines_90d": 1.5,
        "refunds_7d": 1.0,
        "refunded_minor_total": 400.0,
    }


@pytest.mark.parametrize("days", [7, 30, 90, 365])
def test_a_window_begins_at_the_midnight_so_many_days_before_that_of_the_cutoff(days: int) -> None:
    at = NOW + timedelta(hours=15, minutes=20)
    begins = NOW - days * DAY
    rows = [
        Happened(customer=who, at=moment)
        for who, moment in (
            ("ann", begins),
            ("bob", begins - timedelta(microseconds=1)),
            ("eve", at - timedelta(microseconds=1)),
        )
    ]

    found = worked_out(rows, f"orders_{days}d", at=at)

    counted = {who: values[f"orders_{days}d"] for who, values in found.items()}
    assert counted == {"ann": 1.0, "bob": 0.0, "eve": 1.0}


@pytest.mark.parametrize(
    ("value", "rate", "expected"),
    [
        pytest.param(1, 0.5, 1.0, id="half-a-cent-is-one"),
        pytest.param(-1, 0.5, -1.0, id="away-from-zero-below-it"),
        pytest.param(3, 0.5, 2.0, id="not-to-the-even-one"),
        pytest.param(5, 0.5, 3.0, id="not-to-the-odd-one-either"),
        pytest.param(-333, 1.1, -366.0, id="the-nearest"),
    ],
)
def test_amounts_round_halves_away_from_zero(value: int, rate: float, expected: float) -> None:
    shop = Shop(currency="EUR", rates={"USD": rate})

    [ann] = worked_out(
        [order("ann", DAY, value=value, currency="USD")], "revenue_minor_total", shop=shop
    ).values()

    assert ann == {"revenue_minor_total": expected}


@pytest.mark.parametrize(
    ("timezone", "moment", "evening"),
    [
        ("Europe/Berlin", "2024-03-30T15:59:59", 0.0),  # 16:59 in winter
        ("Europe/Berlin", "2024-03-31T15:00:00", 1.0),  # 17:00 in summer
        ("Europe/Berlin", "2024-03-31T14:59:59", 0.0),
        ("Australia/Lord_Howe", "2024-04-06T06:00:00", 1.0),  # 17:00 at +11:00
        ("Australia/Lord_Howe", "2024-04-07T06:29:59", 0.0),  # 16:59 at +10:30
        ("Australia/Lord_Howe", "2024-04-07T06:30:00", 1.0),
    ],
)
def test_an_evening_is_by_the_shop_s_clock_of_that_day(
    timezone: str, moment: str, evening: float
) -> None:
    at = datetime.fromisoformat(f"{moment}+00:00")
    rows = [Happened(customer="ann", at=at), Happened(customer="bob", at=NOW)]

    found = worked_out(
        rows, "evening_share_90d", shop=Shop(timezone=timezone), at=NOW + timedelta(days=60)
    )

    assert found["ann"] == {"evening_share_90d": evening}
