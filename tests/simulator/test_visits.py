# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import numpy as np
import pytest

from simulator.visits import COUPON_PERCENT, MAILED, REFUNDED, Visits
from tests.simulator.conftest import Shop

LINES = (
    "SELECT event_id, count(*) AS lines, sum(revenue_minor) AS revenue,"
    " sum(discount_minor) AS discount, sum(price_minor * quantity) AS price FROM items"
    " WHERE event IN ('Order Completed', 'Order Refunded') GROUP BY 1"
)


def test_visits_are_joined_column_by_column() -> None:
    one = Visits.of(np.array([1, 2]), np.array([3, 4], np.int32), MAILED, campaign=7, coupon=True)

    both = Visits.joined([one, Visits.of(np.array([5]), np.array([6], np.int32), 0)])

    assert both.start_us.tolist() == [1, 2, 5]
    assert both.campaign.tolist() == [7, 7, -1]
    assert both.coupon.tolist() == [True, True, False]


def test_the_value_of_an_order_is_that_of_its_lines(shop: Shop) -> None:
    wrong = shop.number(
        f"SELECT count(*) FROM events LEFT JOIN ({LINES}) AS i USING (event_id)"
        " WHERE event IN ('Order Completed', 'Order Refunded') AND (i.lines IS NULL"
        " OR revenue <> value_minor OR discount <> discount_minor"
        " OR price <> value_minor + discount_minor OR value_minor <= 0)"
    )

    assert wrong == 0


def test_a_visit_is_one_persons_and_lasts_minutes(shop: Shop) -> None:
    found = shop.ask(
        "SELECT count(DISTINCT anonymous_id) AS people, max(ts_us) - min(ts_us) AS us"
        " FROM events WHERE session_id IS NOT NULL GROUP BY session_id"
    )

    assert (found["people"] == 1).all()
    assert found["us"].median() / 60e6 == pytest.approx(2, abs=2)
    assert found["us"].quantile(0.99) < 3_600e6


def test_what_is_ordered_was_viewed_added_and_checked_out_before(shop: Shop) -> None:
    found = shop.ask(
        "WITH seen AS (SELECT session_id, product_id, i.event, min(i.ts_us) AS ts FROM items AS i"
        " JOIN events USING (event_id) WHERE session_id IS NOT NULL GROUP BY ALL)"
        " SELECT count(*) AS bought, count(v.ts) AS viewed, count(a.ts) AS added,"
        " count(c.ts) AS checked, bool_and(v.ts < a.ts AND a.ts < c.ts AND c.ts < o.ts) AS in_order"
        " FROM seen AS o"
        " LEFT JOIN seen AS v ON v.session_id = o.session_id AND v.product_id = o.product_id"
        " AND v.event = 'Product Viewed'"
        " LEFT JOIN seen AS a ON a.session_id = o.session_id AND a.product_id = o.product_id"
        " AND a.event = 'Product Added'"
        " LEFT JOIN seen AS c ON c.session_id = o.session_id AND c.product_id = o.product_id"
        " AND c.event = 'Checkout Started' WHERE o.event = 'Order Completed'"
        f" AND o.ts > {shop.parameters.start_us + 3_600_000_000}"
    ).iloc[0]

    assert found["bought"] > 10_000
    assert found["viewed"] == found["added"] == found["checked"] == found["bought"]
    assert found["in_order"]


def test_some_carts_are_left_and_some_products_taken_out_or_wished(shop: Shop) -> None:
    events = shop.report.events

    assert events["Checkout Started"] > events["Order Completed"]
    assert 0 < events["Product Removed"] < events["Product Added"]
    assert events["Product Added to Wishlist"] > 0


def test_some_products_are_looked_at_again(shop: Shop) -> None:
    again = shop.number(
        "SELECT avg(n) FROM (SELECT count(*) / count(DISTINCT product_id) AS n FROM items"
        " JOIN events USING (event_id) WHERE items.event = 'Product Viewed'"
        " GROUP BY session_id HAVING count(*) > 4)"
    )

    assert again > 1.05


def test_a_part_of_the_orders_comes_back_days_later(shop: Shop) -> None:
    found = shop.ask(
        "SELECT count(*) AS n, min(r.ts_us - o.ts_us) / 86400e6 AS soonest,"
        " max(r.ts_us - o.ts_us) / 86400e6 AS latest, bool_and(r.value_minor = o.value_minor) AS s"
        " FROM events AS r JOIN events AS o USING (order_id, customer_id)"
        " WHERE r.event = 'Order Refunded' AND o.event = 'Order Completed'"
    ).iloc[0]

    assert found["n"] == shop.report.events["Order Refunded"]
    assert found["n"] / shop.report.events["Order Completed"] == pytest.approx(REFUNDED, rel=0.2)
    assert 2 <= found["soonest"] < found["latest"] < 20
    assert found["s"]


def test_help_is_asked_for_between_order_and_refund(shop: Shop) -> None:
    between = shop.number(
        "SELECT count(*) FROM events AS s JOIN events AS o USING (order_id)"
        " WHERE s.event = 'Support Ticket Opened' AND o.event = 'Order Completed'"
        " AND s.ts_us > o.ts_us"
    )

    assert between == shop.report.events["Support Ticket Opened"] > 0


def test_a_coupon_of_a_mailing_makes_its_order_cheaper(shop: Shop) -> None:
    found = shop.ask(
        "SELECT o.discount_minor / (o.value_minor + o.discount_minor) AS off, c.ts_us < o.ts_us"
        " AS before, c.campaign_id = o.campaign_id AS same FROM events AS c"
        " JOIN events AS o USING (order_id) WHERE c.event = 'Coupon Applied'"
        " AND o.event = 'Order Completed'"
    )

    assert len(found) == shop.report.events["Coupon Applied"] > 50
    assert found["off"].min() > COUPON_PERCENT / 100 - 0.01
    assert found["before"].all()
    assert found["same"].all()
