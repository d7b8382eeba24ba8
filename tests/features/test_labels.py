from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from core.clock import DAY, MICROSECOND, to_us
from core.errors import ConfigError, DataError
from features.labels import answers, did, next_orders, require_category, spent
from features.shop import Shop
from ingest.contract import (
    CAMPAIGN_SENT,
    COUPON_APPLIED,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    ORDER_REFUNDED,
    PRODUCT_ADDED,
)

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

START = datetime(2023, 1, 1, tzinfo=UTC)
HORIZON = 30 * DAY
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "counts"),
    [
        pytest.param(-MICROSECOND, False, id="before-the-cut-off-is-known-already"),
        pytest.param(timedelta(0), True, id="at-the-cut-off"),
        pytest.param(HORIZON - MICROSECOND, True, id="last-microsecond"),
        pytest.param(HORIZON, False, id="the-end-belongs-to-the-next-slice"),
    ],
)
def test_labels_come_from_the_horizon_after_the_cutoff_only(
    lake: Lake, happened: type[Happened], after: timedelta, counts: bool
) -> None:
    log = lake([happened(customer="ann", at=START + after)])

    for label in (did, spent, next_orders):
        got = label(log, cutoffs=[START], horizon=HORIZON)
        assert got["customer_id"].tolist() == (["ann"] if counts else [])


def test_a_refund_or_a_guest_is_no_order(lake: Lake, happened: type[Happened]) -> None:
    log = lake(
        [
            happened(customer="ann", at=START, event=ORDER_REFUNDED),
            happened(customer=None, at=START),
            happened(customer="bot", at=START, is_machine=True),
        ]
    )

    assert did(log, cutoffs=[START], horizon=HORIZON).empty
    assert spent(log, cutoffs=[START], horizon=HORIZON).empty
    assert next_orders(log, cutoffs=[START], horizon=HORIZON).empty


def test_the_next_order_is_the_first_of_several_in_days(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=START + days * DAY) for days in (9, 2.5, 40)])

    got = next_orders(log, cutoffs=[START, START + 20 * DAY], horizon=HORIZON)

    assert got["customer_id"].tolist() == ["ann", "ann"]
    assert got["days"].tolist() == [2.5, 20.0]


def test_any_event_of_the_contract_is_a_label_in_a_category_or_below_it(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(
        [
            happened(customer="ann", at=START, event=PRODUCT_ADDED, lines=("SHOES/BOOTS",)),
            happened(customer="bob", at=START, event=PRODUCT_ADDED, lines=("SHOES",)),
            happened(customer="cid", at=START, event=PRODUCT_ADDED, lines=("SHOESTRINGS",)),
            happened(customer="dan", at=START, lines=("SHOES",)),
        ]
    )

    def who(category: str = "") -> list[str]:
        found = did(log, cutoffs=[START], horizon=HORIZON, event=PRODUCT_ADDED, category=category)
        return found["customer_id"].tolist()

    assert who() == ["ann", "bob", "cid"]
    assert who("SHOES") == ["ann", "bob"]
    assert who("SHOES/BOOTS") == ["ann"]


def test_an_event_that_the_contract_lacks_is_one_line(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="no event 'Order Complete'"):
        did(lake([]), cutoffs=[START], horizon=HORIZON, event="Order Complete")


def test_a_horizon_of_nothing_is_refused(lake: Lake) -> None:
    with pytest.raises(DataError, match="by more than nothing"):
        did(lake([]), cutoffs=[START], horizon=timedelta(0))


def test_money_is_added_up_in_the_base_currency_by_cutoff(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(
        [
            happened(customer="ann", at=START, value=1_000),
            happened(customer="ann", at=START + 10 * DAY, value=100, currency="USD"),
            happened(customer="bob", at=START + 40 * DAY, value=None),
        ]
    )
    shop = Shop(currency="EUR", rates={"USD": 0.5})

    got = spent(log, cutoffs=[START + 30 * DAY, START], horizon=HORIZON, shop=shop)

    assert got.to_numpy().tolist() == [
        ["ann", to_us(START), 2.0, 1_050.0],
        ["bob", to_us(START + 30 * DAY), 1.0, 0.0],
    ]


def test_an_answer_belongs_to_the_last_mail_of_its_campaign(
    lake: Lake, happened: type[Happened]
) -> None:
    def mail(
        at: datetime, event: str, campaign: str = "spring", *, machine: bool = False
    ) -> Happened:
        return happened(customer="ann", at=at, event=event, campaign=campaign, is_machine=machine)

    log = lake(
        [
            mail(START, EMAIL_DELIVERED),
            mail(START + HOUR, EMAIL_OPENED),
            mail(START + DAY, EMAIL_DELIVERED),
            mail(START + DAY + HOUR, EMAIL_CLICKED),
            mail(START + 2 * DAY, CAMPAIGN_SENT, "flyer"),
            mail(START + 3 * DAY, COUPON_APPLIED, "flyer"),
            mail(START + 4 * DAY, EMAIL_DELIVERED, "scanned"),
            mail(START + 4 * DAY, EMAIL_OPENED, "scanned", machine=True),
            mail(START + 5 * DAY, EMAIL_DELIVERED, "late"),
            mail(START + 5 * DAY + 8 * DAY, EMAIL_OPENED, "late"),
        ]
    )

    got = answers(log, since=START, before=START + 30 * DAY, within=7 * DAY)

    assert got[["campaign_id", "opened", "clicked", "redeemed"]].to_numpy().tolist() == [
        ["spring", True, False, False],
        ["spring", True, True, False],  # who clicks has opened, whether the picture loaded or not
        ["flyer", False, False, True],
        ["scanned", False, False, False],
        ["late", False, False, False],
    ]


def test_a_mail_that_can_still_be_answered_is_left_out(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(
        [
            happened(customer="ann", at=START + days * DAY, event=EMAIL_DELIVERED, campaign="c")
            for days in (0, 3, 4)
        ]
    )

    got = answers(log, since=START, before=START + 10 * DAY, within=7 * DAY)

    assert got["ts_us"].tolist() == [to_us(START), to_us(START + 3 * DAY)]


def test_a_category_that_nothing_is_of_is_one_line_with_those_there_are(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=START, lines=("SHOES/BOOTS", "BAGS"))])

    require_category(log, "SHOES")
    with pytest.raises(ConfigError, match=r"category 'SHOE'\. The biggest are: BAGS, SHOES\."):
        require_category(log, "SHOE")
