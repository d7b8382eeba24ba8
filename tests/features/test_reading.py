from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest

from features.reading import (
    COLUMNS,
    EVEN,
    HALF_LIFE,
    READ_HOURS,
    UNKNOWN,
    answer_days,
    first_read,
    mail_answers,
    mail_reads,
    read_hours,
    with_reading,
)
from features.shop import Shop
from ingest.contract import EMAIL_CLICKED, EMAIL_DELIVERED, EMAIL_OPENED

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

NOW = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday
MONDAY = datetime(2024, 2, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mail(
    happened: type[Happened],
    customer: str,
    *,
    sent: datetime,
    read: datetime | None = None,
    event: str = EMAIL_OPENED,
    machine: bool = False,
) -> list[Happened]:
    """Return a mail, named by its hour, and what came of it."""
    name = f"{sent:%m-%d-%H}"
    got = happened(customer=customer, at=sent, event=EMAIL_DELIVERED, campaign=name, lines=())
    if read is None:
        return [got]
    answer = happened(
        customer=customer, at=read, event=event, campaign=name, lines=(), is_machine=machine
    )
    return [got, answer]


def test_a_mail_counts_once_at_the_first_open_or_click(
    lake: Lake, happened: type[Happened]
) -> None:
    rows = [
        *mail(happened, "ann", sent=MONDAY + 6 * HOUR, read=MONDAY + 9 * HOUR),
        *mail(happened, "ann", sent=MONDAY + 6 * HOUR, read=MONDAY + 20 * HOUR)[1:],
        *mail(happened, "ann", sent=MONDAY + 6 * HOUR, read=MONDAY + 8 * HOUR, event=EMAIL_CLICKED)[
            1:
        ],
    ]

    got = mail_reads(lake(rows), before=NOW)

    assert got.to_dict("list") == {
        "customer_id": ["ann"],
        "hour": [8],
        "sent_hour": [6],
        "reads": [1.0],
    }


def test_what_a_machine_opens_was_read_by_nobody(lake: Lake, happened: type[Happened]) -> None:
    log = lake(mail(happened, "ann", sent=MONDAY, read=MONDAY + HOUR, machine=True))

    assert mail_reads(log, before=NOW).empty
    assert first_read(log) is None
    assert mail_answers(log, before=NOW)[["mailed", "read"]].to_numpy().tolist() == [[1, 0]]


def test_ignores_what_happens_at_or_after_the_cut_off(lake: Lake, happened: type[Happened]) -> None:
    early = MONDAY + 8 * HOUR
    log = lake(mail(happened, "ann", sent=MONDAY, read=early))

    assert mail_reads(log, before=early).empty
    assert mail_reads(log, before=early + timedelta(microseconds=1))["hour"].tolist() == [8]
    assert mail_reads(log, before=NOW, since=early)["hour"].tolist() == [8]
    assert mail_reads(log, before=NOW, since=early + timedelta(microseconds=1)).empty
    assert first_read(log) == early


def test_deleting_what_came_after_changes_nothing(lake: Lake, happened: type[Happened]) -> None:
    before = [
        *mail(happened, "ann", sent=MONDAY, read=MONDAY + 8 * HOUR),
        *mail(happened, "bob", sent=MONDAY, read=MONDAY + 30 * HOUR),
    ]
    after = mail(happened, "ann", sent=NOW, read=NOW + HOUR)
    frame = pd.DataFrame({"customer_id": ["ann", "bob"]})

    cut, whole = (with_reading(lake(rows), frame, as_of=NOW) for rows in (before, before + after))

    pd.testing.assert_frame_equal(cut, whole)


def at_home(log: duckdb.DuckDBPyConnection, traits: dict[str, str]) -> duckdb.DuckDBPyConnection:
    rows = [{"customer_id": who, "email": None, "traits": of} for who, of in traits.items()]
    log.register("customers", pd.DataFrame(rows))
    return log


def test_hours_are_on_the_customers_own_clock_else_on_the_shops(
    lake: Lake, happened: type[Happened]
) -> None:
    people = ("ann", "bob", "cleo", "dan")
    rows = [
        one
        for who in people
        for one in mail(happened, who, sent=MONDAY + 6 * HOUR, read=MONDAY + 9 * HOUR)
    ]
    zones = {
        "ann": '{"timezone": "America/New_York"}',
        "bob": '{"timezone": "Middle-earth"}',
        "cleo": "{}",
    }

    got = mail_reads(at_home(lake(rows), zones), before=NOW, shop=Shop(timezone="Europe/Berlin"))

    assert got["hour"].tolist() == [4, 10, 10, 10]
    assert got["sent_hour"].tolist() == [1, 7, 7, 7]


def test_clocks_that_change_change_the_hour(lake: Lake, happened: type[Happened]) -> None:
    summer = datetime(2024, 4, 1, 7, tzinfo=UTC)
    rows = [
        *mail(happened, "ann", sent=MONDAY, read=MONDAY + 7 * HOUR),
        *mail(happened, "ann", sent=summer - HOUR, read=summer),
    ]

    got = mail_reads(lake(rows), before=summer + HOUR, shop=Shop(timezone="Europe/Berlin"))

    assert got["hour"].tolist() == [8, 9]


def test_a_read_counts_half_after_a_year(lake: Lake, happened: type[Happened]) -> None:
    read = NOW - HALF_LIFE
    log = lake(mail(happened, "ann", sent=read - HOUR, read=read))

    assert mail_reads(log, before=NOW, half_life=HALF_LIFE)["reads"].tolist() == [0.5]


def test_a_mail_whose_delivery_nobody_told_of_has_an_hour_of_reading_only(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(mail(happened, "ann", sent=MONDAY, read=MONDAY + HOUR)[1:])

    assert mail_reads(log, before=NOW)["sent_hour"].tolist() == [UNKNOWN]
    assert mail_answers(log, before=NOW).empty


def test_answers_are_by_weekday_of_delivery_and_have_a_day(
    lake: Lake, happened: type[Happened]
) -> None:
    rows = [
        *mail(happened, "ann", sent=MONDAY, read=MONDAY + 23 * HOUR),
        *mail(happened, "ann", sent=MONDAY + HOUR, read=MONDAY + 26 * HOUR),  # too late
        *mail(happened, "ann", sent=MONDAY + 24 * HOUR),
        *mail(happened, "ann", sent=NOW - 23 * HOUR, read=NOW - HOUR),  # has not had its day yet
    ]

    got = mail_answers(lake(rows), before=NOW)

    assert got[["weekday", "mailed", "read"]].to_numpy().tolist() == [[0, 2, 1], [1, 1, 0]]


def test_a_frame_gets_a_row_each_in_its_own_order(lake: Lake, happened: type[Happened]) -> None:
    rows = [
        *mail(happened, "ann", sent=MONDAY, read=MONDAY + 8 * HOUR),
        *mail(happened, "bob", sent=MONDAY, read=MONDAY + 21 * HOUR),
        *mail(happened, "eve", sent=MONDAY, read=MONDAY + 3 * HOUR),
    ]
    frame = pd.DataFrame({"customer_id": ["bob", "nobody", "ann"]}, index=[7, 8, 9])
    given = frame.copy()

    got = with_reading(lake(rows), frame, as_of=NOW)

    assert list(got.columns) == ["customer_id", *COLUMNS]
    assert got.index.tolist() == [7, 8, 9]
    assert (got[list(READ_HOURS)] > 0).to_numpy().nonzero()[1].tolist() == [21, 8]
    assert (got[list(COLUMNS)].to_numpy()[1] == 0).all()
    pd.testing.assert_frame_equal(frame, given)


def test_what_is_read_at_once_counts_less_where_that_is_usual() -> None:
    reads = pd.DataFrame(
        {
            "customer_id": ["ann"] * 3,
            "hour": [8, 9, 10],
            "sent_hour": [8, 8, UNKNOWN],
            "reads": [1.0, 2.0, 3.0],
        }
    )

    got = read_hours(pd.Series(["ann"]), reads, [2.0, *EVEN[1:]])

    assert got[0, 7:11].tolist() == [0.0, 0.5, 2.0, 3.0]


def test_answers_come_into_a_row_per_customer() -> None:
    answers = pd.DataFrame(
        {"customer_id": ["ann", "bob"], "weekday": [6, 0], "mailed": [2.0, 9.0], "read": [1.0, 9.0]}
    )

    mailed, read = answer_days(pd.Series(["ann"]), answers)

    assert (mailed[0, 6], read[0, 6], mailed.sum()) == (2.0, 1.0, 2.0)


def test_a_log_without_events_has_no_reads(lake: Lake) -> None:
    assert mail_reads(lake([]), before=NOW).empty


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
def test_zones_off_by_half_an_hour_are_kept_to_the_minute(
    lake: Lake, happened: type[Happened], zone: str
) -> None:
    log = lake(mail(happened, "ann", sent=MONDAY, read=MONDAY + 8 * HOUR))
    log = at_home(log, {"ann": f'{{"timezone": "{zone}"}}'})

    assert mail_reads(log, before=NOW)["hour"].tolist() == [{"Asia/Kolkata": 13}.get(zone, 4)]
