# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.clock import DAY_US, from_us
from simulator.mailings import HELD_OUT, Mailings, campaigns
from simulator.parameters import CHUNKS, Parameters
from simulator.people import draw_people
from simulator.places import Clocks
from tests.simulator.conftest import WEEK_US, Shop

PARAMETERS = Parameters(customers=30_000, days=60, seed=3, as_of=datetime(2024, 3, 1, tzinfo=UTC))
# Orders of the audiences within a week of each mailing; the last week is still running.
OUTCOMES = f"""
    SELECT a.campaign_id, a.customer_id, a.treated, effect, count(o.ts_us) AS orders,
        count(o.ts_us) FILTER (o.campaign_id = a.campaign_id) AS led_here
    FROM true_assignments AS a JOIN true_campaigns USING (campaign_id)
    LEFT JOIN (FROM events WHERE event = 'Order Completed') AS o
        ON o.customer_id = a.customer_id AND o.ts_us BETWEEN sent_us AND sent_us + {WEEK_US}
    WHERE sent_us < (SELECT max(sent_us) FROM true_campaigns) GROUP BY ALL
"""


def test_a_campaign_every_tuesday() -> None:
    sent = [from_us(each.sent_us) for each in campaigns(PARAMETERS)]

    assert [each.weekday() for each in sent] == [1] * 9
    assert campaigns(PARAMETERS)[0].campaign_id == "weekly-2024-01-02"
    assert [each.has_coupon for each in campaigns(PARAMETERS)[:4]] == [False, False, True, False]


def test_only_those_who_agreed_and_are_known_are_in_an_audience() -> None:
    people = draw_people(PARAMETERS)
    clocks = Clocks(PARAMETERS.start_us // DAY_US, PARAMETERS.end_us // DAY_US + 30)
    mailings = Mailings(PARAMETERS, people, clocks)
    sent = [
        (each, mailings.send(each, PARAMETERS.random(CHUNKS, each.number)))
        for each in campaigns(PARAMETERS)
    ]

    gone: set[int] = set()
    for campaign, mailed in sent:
        who, treated = mailed.assigned.customer, mailed.assigned.treated
        assert people.agrees("email_marketing")[who].all()
        assert (people.identified_us[who] < campaign.sent_us).all()
        assert not gone.intersection(who.tolist())  # a mailbox that is not there is tried once
        gone |= {*who[treated & people.bounces[who]].tolist()}
    assert gone


def test_a_tenth_is_held_out_by_coin_and_gets_nothing(shop: Shop) -> None:
    held_out = shop.number("SELECT avg(CAST(NOT treated AS INT)) FROM true_assignments")
    got = shop.number(
        "SELECT count(*) FROM events JOIN (FROM true_assignments WHERE NOT treated)"
        " USING (campaign_id, customer_id)"
    )

    assert held_out == pytest.approx(HELD_OUT, abs=0.005)
    assert got == 0


def test_the_orders_a_mailing_leads_to_are_its_effect(shop: Shop) -> None:
    off = shop.number(
        "SELECT abs(avg(led_here) - avg(effect)) / (stddev(led_here) / sqrt(count(*)))"
        f" FROM ({OUTCOMES}) WHERE treated"
    )

    assert off < 4  # standard errors


def test_the_treated_order_more_than_the_held_out_by_the_effect(shop: Shop) -> None:
    off = shop.number(
        "SELECT (avg(orders) FILTER (treated) - avg(orders) FILTER (NOT treated) - avg(effect))"
        " / sqrt(var_samp(orders) FILTER (treated) / count(*) FILTER (treated)"
        " + var_samp(orders) FILTER (NOT treated) / count(*) FILTER (NOT treated))"
        f" FROM ({OUTCOMES})"
    )

    assert abs(off) < 3  # standard errors


def test_the_effect_differs_between_customers_as_said(shop: Shop) -> None:
    found = shop.ask(
        "SELECT part, avg(led_here) AS got, avg(effect) AS said FROM (SELECT *,"
        f" ntile(4) OVER (ORDER BY effect) AS part FROM ({OUTCOMES}) WHERE treated)"
        " GROUP BY 1 ORDER BY 1"
    )

    got, said = found["got"].tolist(), found["said"].tolist()
    assert got[3] > 3 * got[1]
    assert got[3] == pytest.approx(said[3], rel=0.2)


def test_mail_is_read_at_the_preferred_hour(shop: Shop) -> None:
    """The circular mean of the hours of human opens, on the clock of each customer's wall."""
    shop.db.execute(
        "CREATE OR REPLACE TEMP VIEW opened AS SELECT customer_id, (epoch_us(timezone(t.timezone,"
        " timezone('UTC', make_timestamp(ts_us)))) % 86400000000 / 3600e6 - read_hour) * pi() / 12"
        " AS turn FROM events JOIN true_customers AS t USING (customer_id)"
        " WHERE event = 'Email Opened' AND NOT is_machine"
    )
    off = shop.ask(
        "SELECT atan2(avg(sin(turn)), avg(cos(turn))) * 12 / pi() AS hours FROM opened"
        " GROUP BY customer_id HAVING count(*) >= 8"
    )["hours"]

    assert len(off) > 100
    assert abs(float(off.mean())) < 0.1
    assert float((off.abs() < 1.5).mean()) > 0.98


def test_machines_are_marked_and_are_where_the_truth_says(shop: Shop) -> None:
    found = shop.ask(
        "SELECT event, is_machine, bool_and(prefetched OR scanned) AS all_by_machines,"
        " bool_or(prefetched AND event = 'Email Opened') AS seen_opening, count(*) AS n"
        " FROM events JOIN true_customers USING (customer_id)"
        " WHERE event IN ('Email Opened', 'Email Link Clicked') GROUP BY ALL"
    ).set_index(["event", "is_machine"])

    assert found.loc[("Email Opened", True), "all_by_machines"]
    assert found.loc[("Email Link Clicked", True), "all_by_machines"]
    assert not found.loc[("Email Opened", False), "seen_opening"]
    assert found["n"].min() > 500
    assert shop.number("SELECT count(*) FROM events WHERE is_machine AND event LIKE 'Pro%'") == 0


def test_a_scanner_follows_every_link_within_seconds(shop: Shop) -> None:
    found = shop.ask(
        "SELECT count(DISTINCT c.url) AS links, max(c.ts_us - d.ts_us) AS latest FROM events AS d"
        " JOIN events AS c USING (customer_id, campaign_id) WHERE d.event = 'Email Delivered'"
        " AND c.event = 'Email Link Clicked' AND c.is_machine GROUP BY customer_id, campaign_id"
    )

    assert (found["links"] == 3).all()
    assert found["latest"].max() < 20_000_000


def test_who_unsubscribed_is_not_mailed_again(shop: Shop) -> None:
    mailed = shop.number(
        "SELECT count(*) FROM events AS u JOIN events AS d USING (customer_id)"
        " WHERE u.event IN ('Unsubscribed', 'Email Marked as Spam', 'Email Bounced')"
        f" AND d.event = 'Email Delivered' AND d.ts_us > u.ts_us + {WEEK_US}"
    )

    assert shop.report.events["Unsubscribed"] > 0
    assert mailed == 0
