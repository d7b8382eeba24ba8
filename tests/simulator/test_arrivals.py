# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import numpy as np
import pytest

from core.clock import DAY_US
from simulator.arrivals import LATE_DAYS, LATE_HOURS, TWICE, Deliveries, received
from tests.simulator.conftest import Shop

HOUR_US = 3_600_000_000


def test_most_arrive_within_seconds_some_after_hours_a_few_after_days() -> None:
    lag = received(np.zeros(200_000, np.int64), np.random.default_rng(1))

    assert lag.min() > 0
    assert lag.max() < 4 * DAY_US
    assert (lag > HOUR_US / 13).mean() == pytest.approx(LATE_HOURS + LATE_DAYS, rel=0.05)
    assert (lag > 12 * HOUR_US).mean() == pytest.approx(LATE_DAYS, rel=0.1)
    assert np.median(lag) < 2_000_000


def test_what_is_under_way_is_delivered_later_and_in_order() -> None:
    deliveries = Deliveries()
    deliveries.add(np.arange(3), np.array([50, 10, 90]), np.random.default_rng(1))

    first, last = deliveries.until(60), deliveries.until(10**15)

    assert (first[0].tolist(), first[1].tolist()) == ([1, 0], [10, 50])
    assert last[0].tolist() == [2]


def test_some_are_delivered_again_and_later() -> None:
    deliveries = Deliveries()
    deliveries.add(np.arange(50_000), np.full(50_000, 7), np.random.default_rng(1))

    numbers, instants = deliveries.until(10**15)

    again = numbers[50_000:]
    assert len(again) == deliveries.twice == pytest.approx(50_000 * TWICE, rel=0.1)
    assert len(np.unique(again)) == len(again)
    assert (instants[:50_000] == 7).all()
    assert instants[50_000:].min() > 7


def test_every_event_of_a_shop_is_delivered_and_some_twice(shop: Shop) -> None:
    once = shop.ask(
        "SELECT count(*) AS n, count(DISTINCT event_id) AS different, count(e.event_id) AS known,"
        " min(d.received_us - e.ts_us) AS soonest FROM true_deliveries AS d"
        " LEFT JOIN events AS e USING (event_id)"
    ).iloc[0]

    assert once["known"] == once["n"] == shop.report.total + shop.report.twice
    assert once["different"] == shop.report.total
    assert once["soonest"] > 0


def test_the_first_delivery_is_the_one_the_event_remembers(shop: Shop) -> None:
    other = shop.number(
        "SELECT count(*) FROM events JOIN (SELECT event_id, min(received_us) AS first"
        " FROM true_deliveries GROUP BY 1) USING (event_id) WHERE first <> received_us"
    )

    assert other == 0


def test_deliveries_are_in_the_order_of_arrival_by_their_day(shop: Shop) -> None:
    wrong = shop.number(
        "SELECT count(*) FROM (SELECT received_us, filename,"
        " lag(received_us) OVER (PARTITION BY filename ORDER BY file_row_number) AS before"
        f" FROM read_parquet('{shop.home}/truth/deliveries/*/*.parquet',"
        " filename = true, file_row_number = true)) WHERE before > received_us"
        " OR NOT contains(filename, strftime(make_timestamp(received_us), 'day=%Y-%m-%d'))"
    )

    assert wrong == 0
