from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.contract import (
    CAMPAIGN_SENT,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    ORDER_COMPLETED,
)
from tests.features.conftest import NOW, Happened
from tests.parity import worked_out

DAY = timedelta(days=1)
RATES = ("open_rate", "click_rate", "click_to_open_rate")


def mail(who: str, event: str, campaign: str = "spring", **given: object) -> Happened:
    return Happened(
        customer=who,
        at=NOW - 5 * DAY,
        event=event,
        campaign=campaign,
        lines=(),
        **given,  # type: ignore[arg-type]
    )


def test_rates_begin_at_the_shop_s_mean_and_move_with_evidence() -> None:
    rows = [
        *(mail("ann", EMAIL_DELIVERED, f"c{number}") for number in range(30)),
        *(mail("ann", EMAIL_OPENED, f"c{number}") for number in range(20)),
        *(mail("ann", EMAIL_CLICKED, f"c{number}") for number in range(10)),
        *(mail("bob", CAMPAIGN_SENT, f"c{number}") for number in range(10)),
        Happened(customer="eve", at=NOW - DAY),
    ]

    found = worked_out(rows, *RATES)

    opens, clicks, per_open = 20 / 40, 10 / 40, 10 / 20  # of all mailings of the shop
    ann = [(20 + 10 * opens) / 40, (10 + 10 * clicks) / 40, (10 + 10 * per_open) / 30]
    bob = [10 * opens / 20, 10 * clicks / 20, per_open]
    assert list(found["ann"].values()) == pytest.approx(ann, rel=1e-12)
    assert list(found["bob"].values()) == pytest.approx(bob, rel=1e-12)
    assert list(found["eve"].values()) == [opens, clicks, per_open]  # nothing is known of her


def test_a_shop_without_mailings_has_rates_of_nothing() -> None:
    [ann] = worked_out([Happened(customer="ann", at=NOW - DAY)], *RATES).values()

    assert set(ann.values()) == {0.0}


def test_opens_by_machines_and_second_opens_of_a_campaign_do_not_raise_its_rate() -> None:
    rows = [
        *(mail("ann", EMAIL_DELIVERED, f"c{number}") for number in range(10)),
        *(mail("ann", EMAIL_OPENED, "c1") for _ in range(3)),
        mail("ann", EMAIL_OPENED, "c2", is_machine=True),
    ]

    [ann] = worked_out(rows, "open_rate", "opens_30d").values()

    assert ann["open_rate"] == pytest.approx((1 + 10 * 1 / 10) / 20, rel=1e-12)
    assert ann["opens_30d"] == 3.0


def test_engagement_weighs_opens_clicks_and_orders() -> None:
    rows = [
        mail("ann", EMAIL_OPENED),
        mail("ann", EMAIL_CLICKED),
        Happened(customer="ann", at=NOW - 30 * DAY, event=ORDER_COMPLETED),
    ]

    [ann] = worked_out(rows, "engagement", "engagement_365d", "click_recency_days").values()

    assert ann["engagement_365d"] == 1 + 2 + 5
    assert ann["engagement"] == pytest.approx((1 + 2) * 2 ** (-5 / 30) + 5 / 2, rel=1e-12)
    assert ann["click_recency_days"] == 5.0
