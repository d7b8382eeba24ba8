from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.clock import to_us
from tests.ingest.shop import EVENTS, HEADER, MAPPING, Shop


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A1,1,31/31/2024,ann,tea,1,1", "unreadable time"),
        ("A1,1,,ann,tea,1,1", "missing time"),
        ("A1,1,1970-01-01,ann,tea,1,1", "time before 1990 or in the future"),
        ("A1,1,2024-06-03,ann,tea,1,1", "time before 1990 or in the future"),
        (",1,2024-01-01,ann,tea,1,1", "missing event id"),
        ("A1,1,2024-01-01, ,tea,1,1", "neither customer nor anonymous id"),
        ("A1,1,2024-01-01,ann,,1,1", "missing product id"),
        ("A1,,2024-01-01,ann,tea,1,1", "missing line id"),
        ("A1,1,2024-01-01,ann,tea,-1,1", "negative quantity"),
        ("A1,1,2024-01-01,ann,tea,1.5,1", "quantity is not a whole number"),
        ("A1,1,2024-01-01,ann,tea,many,1", "missing or unreadable quantity"),
        ("A1,1,2024-01-01,ann,tea,1,0.005", "price is not whole minor units"),
        ("A1,1,2024-01-01,ann,tea,1,-1", "negative price"),
        ("A1,1,2024-01-01,ann,tea,1,a pound", "unreadable price"),
        ("A1,1,2024-01-01,ann,tea,1,1e300", "price out of range"),
        ("A1,1,2024-01-01,ann,tea,1,9e16", "price out of range"),
        ("A1,1,2024-01-01,ann,tea,9e18,1", "price times quantity out of range"),
        ("A1,1,2024-01-01,ann,tea,8e16,1", "price times quantity out of range"),
        ("A1,1,2024-01-01,ann,tea", "malformed line: missing columns"),
        ("A1,1,2024-01-01,ann,tea,1,1,1", "malformed line: too many columns"),
    ],
)
def test_a_row_that_breaks_the_contract_is_set_aside_with_its_row_and_reason(
    shop: Shop, line: str, reason: str
) -> None:
    good = "G{},1,2024-01-01,ann,tea,1,1\n"
    rows = good.format(1) + line + "\n" + good.format(2) + line + "\n" + good.format(3)

    report = shop.take(events=HEADER + rows)

    assert shop.reasons() == {3: reason, 5: reason}
    assert report.events == 3
    assert sum(sum(part.quarantined.values()) for part in report.sections) == 2


def test_refunds_and_guests_and_events_without_products(shop: Shop) -> None:
    mapping = """
source: shop
currency: EUR
events:
  - {event_id: id, event: kind, time: at, customer_id: customer, anonymous_id: device,
     value: total, properties: {page: page}}
"""
    rows = (
        "id,kind,at,customer,device,total,page\n"
        "1,Order Refunded,2024-01-01T10:00:00+02:00,ann,,12.34,\n"
        "2,Page Viewed,2024-01-01T10:00:00Z,,phone,,/home\n"
    )
    shop.take(mapping, events=rows)

    assert shop.query(
        "SELECT event, customer_id, anonymous_id, ts_us, value_minor, properties FROM events"
    ) == [
        ("Order Refunded", "ann", None, to_us(datetime(2024, 1, 1, 8, tzinfo=UTC)), 1234, "{}"),
        (
            "Page Viewed",
            None,
            "phone",
            to_us(datetime(2024, 1, 1, 10, tzinfo=UTC)),
            None,
            '{"page":"/home"}',
        ),
    ]


def test_consents_of_a_file_reach_the_ledger_and_nothing_else_does(shop: Shop) -> None:
    mapping = MAPPING + "consents: {customer_id: who, purpose: what, granted: ok, time: at}\n"
    rows = (
        "who,what,ok,at\nann,email_marketing,true,2024-01-01\nann,analytics,no,2024-01-01\n"
        "bob,spam,true,2024-01-01\nbob,analytics,maybe,2024-01-01\n"
    )
    for new in (2, 0):
        assert shop.take(mapping, events=EVENTS, consents=rows).consents == new

    assert shop.query("SELECT customer_id, purpose, granted, source FROM consents ORDER BY 2") == [
        ("ann", "analytics", 0, "shop"),
        ("ann", "email_marketing", 1, "shop"),
    ]
    assert shop.reasons() == {4: "unknown purpose", 5: "missing or unreadable granted"}
