from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import to_us
from core.errors import ConfigError, DataError
from features.definitions.orders import RECENCY_DAYS
from features.engine import feature_frame, features_at, shop_facts
from features.feature import names
from features.registry import PROPENSITY, REGISTRY
from features.shop import Shop
from ingest.contract import CAMPAIGN_SENT, COUPON_APPLIED, ORDER_REFUNDED

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

NOW = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday
DAY = timedelta(days=1)

Rows = list[tuple[str, str, timedelta, int, list[str | None]]]


def test_one_order_gives_every_feature_a_value(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer="bob", at=NOW - 200 * DAY)])

    row = feature_frame(log, cutoffs=[NOW]).iloc[0]

    assert not row.isna().any()
    assert row["gap_mean_days"] == 365.0  # the default: nothing is known of a rhythm
    assert row["overdue_ratio"] == 1.0
    assert row["departments"] == 1.0
    assert row["department_entropy"] == 0.0


@pytest.mark.parametrize(
    ("age", "inside"),
    [
        pytest.param(timedelta(0), False, id="at-the-cut-off-is-the-future"),
        pytest.param(timedelta(microseconds=1), True, id="a-microsecond-before"),
        pytest.param(30 * DAY, True, id="exactly-thirty-days"),
        pytest.param(30 * DAY + timedelta(microseconds=1), False, id="a-microsecond-too-old"),
    ],
)
def test_a_window_is_closed_at_its_old_end_and_open_at_the_cutoff(
    lake: Lake, happened: type[Happened], age: timedelta, inside: bool
) -> None:
    first = happened(customer="ann", at=NOW - 300 * DAY)
    frame = feature_frame(lake([first, happened(customer="ann", at=NOW - age)]), cutoffs=[NOW])

    assert frame["orders_30d"].tolist() == [float(inside)]


def test_each_cutoff_sees_only_its_own_past(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer="ann", at=NOW - age * DAY) for age in (100, 50, 10)])
    cutoffs = [NOW, NOW - 20 * DAY, NOW - 200 * DAY]

    together = feature_frame(log, cutoffs=cutoffs)
    apart = [feature_frame(log, cutoffs=[cutoff]) for cutoff in sorted(cutoffs)]

    assert together["orders_total"].tolist() == [2.0, 3.0]  # nobody had ordered 200 days ago
    pd.testing.assert_frame_equal(
        together, pd.concat([one for one in apart if len(one)], ignore_index=True)
    )


def test_leaves_out_guests_machines_and_customers_without_an_order(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(
        [
            happened(customer=None, at=NOW - DAY),
            happened(customer="bot", at=NOW - DAY, is_machine=True),
            happened(customer="reader", at=NOW - DAY, event=CAMPAIGN_SENT, lines=()),
            happened(customer="ann", at=NOW - DAY),
        ]
    )

    assert feature_frame(log, cutoffs=[NOW])["customer_id"].tolist() == ["ann"]


def test_rows_are_sorted_and_typed(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer=who, at=NOW - 40 * DAY) for who in ("zoe", "10", "9", "ann")])

    frame = feature_frame(log, cutoffs=[NOW, NOW - DAY])

    assert frame["customer_id"].tolist() == ["10", "9", "ann", "zoe"] * 2
    assert frame["cutoff_us"].is_monotonic_increasing
    assert list(frame.columns) == ["customer_id", "cutoff_us", *names(PROPENSITY)]
    assert {str(kind) for kind in frame.dtypes} == {"object", "int64", "float64"}


def test_days_and_hours_are_the_shops_own(lake: Lake, happened: type[Happened]) -> None:
    habits = ["weekend_share_90d", "evening_share_90d"]
    friday_night = datetime(2024, 2, 23, 23, 30, tzinfo=UTC)
    log = lake([happened(customer="ann", at=friday_night)])

    in_london = feature_frame(log, cutoffs=[NOW], shop=Shop(timezone="Europe/London"))
    in_athens = feature_frame(log, cutoffs=[NOW], shop=Shop(timezone="Europe/Athens"))

    assert in_london[habits].to_numpy().tolist() == [[0.0, 1.0]]
    assert in_athens[habits].to_numpy().tolist() == [[1.0, 0.0]]


def test_money_is_in_the_base_currency(lake: Lake, happened: type[Happened]) -> None:
    log = lake(  # the yen has no minor unit
        happened(customer="ann", at=NOW - DAY, value=1_000, currency=money)
        for money in ("EUR", "USD", "JPY")
    )

    rates = {"USD": 0.9, "JPY": 0.006}
    frame = feature_frame(log, cutoffs=[NOW], shop=Shop(currency="EUR", rates=rates))

    assert frame["revenue_minor_30d"].tolist() == [1_000.0 + 900 + 600]


def test_a_currency_without_a_rate_is_an_error_that_names_it(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=NOW - DAY, currency=money) for money in ("EUR", "CHF")])

    with pytest.raises(DataError, match=r"no rate for \['CHF'\].*rates: "):
        feature_frame(log, cutoffs=[NOW], shop=Shop(currency="EUR"))


def test_features_of_a_mailing_know_what_was_before_its_day(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=NOW - days * DAY) for days in (40, 1, 0)])
    hour = timedelta(hours=1)
    asked = pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "ann", "ann"],
            "ts_us": [to_us(at) for at in (NOW + hour, NOW, NOW - 33 * DAY, NOW)],
        },
        index=[7, 5, 3, 1],
    )

    got = features_at(log, asked, features=[RECENCY_DAYS])

    assert got.index.tolist() == [7, 5, 3, 1]
    assert got["ts_us"].tolist() == asked["ts_us"].tolist()
    assert got["recency_days"].tolist() == [1.0, RECENCY_DAYS.default, 7.0, 1.0]


def test_features_of_no_mailing_are_an_empty_frame_with_its_columns(lake: Lake) -> None:
    asked = pd.DataFrame(
        {"customer_id": pd.Series([], dtype=object), "ts_us": pd.Series([], dtype="int64")}
    )

    got = features_at(lake([]), asked, features=[RECENCY_DAYS])

    assert got.columns.tolist() == ["customer_id", "ts_us", "recency_days"]


def test_needs_a_cutoff_with_a_time_zone(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer="ann", at=NOW - DAY)])

    with pytest.raises(DataError, match="at least one cut-off"):
        feature_frame(log, cutoffs=[])
    with pytest.raises(ConfigError, match="time zone"):
        feature_frame(log, cutoffs=[NOW.replace(tzinfo=None)])


def test_no_events_give_an_empty_typed_frame(lake: Lake) -> None:
    frame = feature_frame(lake([]), cutoffs=[NOW])

    assert frame.empty
    assert list(frame.columns) == ["customer_id", "cutoff_us", *names(PROPENSITY)]


KINDS = st.sampled_from(["Order Completed", ORDER_REFUNDED, CAMPAIGN_SENT, COUPON_APPLIED])
LOGS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "eve"]),
        KINDS,
        st.integers(-100, 400).map(lambda hours: timedelta(hours=hours)),
        st.integers(0, 9_999),
        st.lists(st.sampled_from(["SHOES/BOOTS", "BAGS", None]), max_size=3),
    ),
    max_size=25,
)


def rows_of(log: Rows, happened: type[Happened]) -> list[Happened]:
    return [
        happened(
            customer=who, event=kind, at=NOW - age, value=value, lines=tuple(lines), ident=f"e{n}"
        )
        for n, (who, kind, age, value, lines) in enumerate(log)
    ]


@settings(max_examples=6)
@given(LOGS)
def test_removing_the_future_changes_nothing(
    lake: Lake, happened: type[Happened], log: Rows
) -> None:
    rows = rows_of(log, happened)
    past = [row for row in rows if row.at < NOW]

    pd.testing.assert_frame_equal(
        feature_frame(lake(rows), cutoffs=[NOW]),
        feature_frame(lake(past), cutoffs=[NOW]),
        check_exact=True,
    )


@settings(max_examples=4)
@given(LOGS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_a_bit(
    lake: Lake, happened: type[Happened], log: Rows, random: Random
) -> None:
    rows = rows_of(log, happened)
    shuffled = random.sample(rows, len(rows))

    pd.testing.assert_frame_equal(
        feature_frame(lake(rows), cutoffs=[NOW]),
        feature_frame(lake(shuffled), cutoffs=[NOW]),
        check_exact=True,
    )


def test_facts_of_the_shop_are_none_where_no_feature_needs_them(
    ann: duckdb.DuckDBPyConnection,
) -> None:
    assert shop_facts(ann, as_of=NOW, features=[RECENCY_DAYS]) == ()


def test_facts_of_the_shop_are_its_borders_between_fifths(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake(
        [happened(customer=f"b{n}", at=NOW - DAY, value=n) for n in range(1, 11)]  # 1 to 10 cents
    )
    monetary = [one for one in REGISTRY if one.name == "rfm_monetary"]

    assert shop_facts(log, as_of=NOW, features=monetary) == (2.0, 4.0, 6.0, 8.0)
