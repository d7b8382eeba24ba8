from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from core.clock import to_us
from core.settings import Settings
from features.dataset import cutoffs
from features.labels import did
from ingest.contract import (
    CAMPAIGN_SENT,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EVENTS,
    ITEMS,
    ORDER_COMPLETED,
)
from models.fact_count import count_facts
from models.sufficiency import Facts

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
Event = tuple[str | None, str, float]  # customer, event, days before AS_OF


def shop(*events: Event, campaign: str = "spring", machine: Iterable[Event] = ()) -> Any:  # noqa: ANN401
    """Write down events; each order has one line."""
    rows = [
        {
            **dict.fromkeys(EVENTS.names),
            "event_id": f"e{number}",
            "customer_id": who,
            "event": event,
            "ts_us": to_us(AS_OF - timedelta(days=days)),
            "campaign_id": None if event == ORDER_COMPLETED else campaign,
            "is_machine": number >= len(events),
        }
        for number, (who, event, days) in enumerate([*events, *machine])
    ]
    lines = [
        {**dict.fromkeys(ITEMS.names), "product_id": "p"}
        | {key: row[key] for key in ("event_id", "customer_id", "event", "ts_us")}
        for row in rows
        if row["event"] == ORDER_COMPLETED
    ]
    connection = duckdb.connect()
    connection.register("events", pa.Table.from_pylist(rows, schema=EVENTS))
    connection.register("items", pa.Table.from_pylist(lines, schema=ITEMS))
    return connection


def facts(connection: duckdb.DuckDBPyConnection, *who: str) -> Facts:
    return count_facts(Settings(), connection, who, as_of=AS_OF)


def test_orders_are_counted_by_customer() -> None:
    lake = shop(
        *(("ann", ORDER_COMPLETED, days) for days in (100.5, 50, 5.5)),
        *(("bob", ORDER_COMPLETED, days) for days in (70, 60)),
        ("eve", ORDER_COMPLETED, 20),
    )

    found = facts(lake, "ann", "bob", "eve", "never")

    assert (found.customers, found.loyal) == (3, 1)
    assert (found.interactions, found.repeaters) == (6, 2)
    assert (found.days, found.silence) == (100, 5)


def test_only_those_who_consent_count_and_only_what_was_before() -> None:
    lake = shop(
        ("ann", ORDER_COMPLETED, 10),
        ("ann", ORDER_COMPLETED, 0),  # at the cut-off: the future
        ("bob", ORDER_COMPLETED, 200),
        (None, ORDER_COMPLETED, 300),
        machine=[("ann", ORDER_COMPLETED, 90)],
    )

    found = facts(lake, "ann")

    assert (found.customers, found.days) == (1, 10)
    assert found.begins == AS_OF - timedelta(days=200)  # of anybody known: for the message only


def test_nobody_is_zero_not_an_error() -> None:
    found = facts(shop(("ann", ORDER_COMPLETED, 10)))

    assert (found.customers, found.interactions, found.mail_days, found.mails) == (0, 0, 0, 0)
    assert found.first is None
    assert found.silence is None
    assert found.did is None  # ten days are no time for an example


def test_mails_are_told_by_whether_a_person_answered() -> None:
    lake = shop(
        ("ann", EMAIL_DELIVERED, 100),
        ("ann", EMAIL_OPENED, 99),
        ("bob", EMAIL_DELIVERED, 100),
        ("eve", CAMPAIGN_SENT, 100),
        ("eve", EMAIL_CLICKED, 2),
        ("zoe", EMAIL_CLICKED, 50),  # to a mail that nobody knows of
        machine=[("bob", EMAIL_OPENED, 99.9)],
    )

    found = facts(lake, "ann", "bob", "eve", "zoe")

    assert (found.mails, found.opened, found.clicked, found.redeemed) == (3, 2, 1, 0)
    assert found.mail_days == 97


def test_examples_are_those_that_training_would_see() -> None:
    random = pd.Series(range(400)).sample(frac=1, random_state=7)
    orders = [(f"c{n % 37}", ORDER_COMPLETED, 5 + n * 0.7) for n in random]
    lake = shop(*orders)
    who = [f"c{n}" for n in range(30)]

    found = facts(lake, *who)

    slices = cutoffs(AS_OF - timedelta(days=5 + 399 * 0.7), AS_OF, MONTH)
    expected = {True: 0, False: 0}
    positives = did(lake, cutoffs=slices.apart, horizon=MONTH)
    ordered = set(zip(positives["customer_id"], positives["cutoff_us"], strict=True))
    for at in slices.apart:
        known = {w for w, _, days in orders if AS_OF - timedelta(days=days) < at and w in who}
        for each in known:
            expected[(each, to_us(at)) in ordered] += 1
    assert (found.did, found.did_not) == (expected[True], expected[False])


@pytest.mark.parametrize(("event", "counted"), [(EMAIL_OPENED, 1), (EMAIL_CLICKED, 0)])
def test_any_event_can_be_what_is_looked_for(event: str, counted: int) -> None:
    lake = shop(("ann", ORDER_COMPLETED, 121), ("ann", EMAIL_OPENED, 80))

    found = count_facts(Settings(), lake, ["ann"], as_of=AS_OF, event=event)

    assert (found.did, found.did_not) == (counted, 1 - counted)
