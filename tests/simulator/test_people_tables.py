from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from ingest.contract import CONSENTS, CUSTOMERS
from simulator import people_tables
from simulator.parameters import Parameters
from simulator.people import PURPOSES, draw_people
from simulator.people_tables import consents, customers, people_truth
from tests.simulator.conftest import Shop

PARAMETERS = Parameters(customers=3_000, days=100, seed=3, as_of=datetime(2024, 3, 1, tzinfo=UTC))
PEOPLE, END = draw_people(PARAMETERS), PARAMETERS.end_us


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_tables, "_AT_A_TIME", 1_000)


def test_customers_are_those_who_said_who_they_are() -> None:
    table = pa.concat_tables(customers(PEOPLE, END))

    ids = table.column("customer_id").to_pylist()
    known = np.flatnonzero(PEOPLE.identified_us < END)
    assert table.schema == CUSTOMERS
    assert ids == [f"c{who:08}" for who in known]
    assert len(ids) < 3_000
    assert table.column("email")[0].as_py() == f"{ids[0]}@mail.example"


def test_traits_are_json_with_what_a_shop_asks() -> None:
    table = pa.concat_tables(customers(PEOPLE, END))

    traits = [json.loads(text) for text in table.column("traits").to_pylist()]

    assert set(traits[0]) == {
        *("name", "locale", "timezone", "country", "region", "city", "birth_year", "signup")
    }
    assert {each["country"] for each in traits} >= {"DE", "FR", "GB"}
    assert all(datetime.fromisoformat(each["signup"]) for each in traits)


def test_every_purpose_is_granted_or_denied_when_identified() -> None:
    table = pa.concat_tables(consents(PEOPLE, [], END))

    frame = table.to_pandas()
    assert table.schema == CONSENTS
    assert set(frame["source"]) == {"simulator"}
    assert set(frame.groupby("customer_id")["purpose"].agg(tuple)) == {PURPOSES}
    assert frame["ts_us"].max() < END
    agreed = frame[frame["purpose"] == "analytics"]["granted"].to_numpy()
    assert (agreed == PEOPLE.agrees("analytics")[PEOPLE.identified_us < END]).all()


def test_withdrawals_follow_in_order_of_time() -> None:
    left = [
        (np.array([4, 5], np.int32), np.array([30, 10])),
        (np.array([6], np.int32), np.array([END])),
    ]

    last = list(consents(PEOPLE, left, END))[-1].to_pylist()

    assert [(row["customer_id"], row["ts_us"]) for row in last] == [
        ("c00000005", 10),
        ("c00000004", 30),
    ]
    assert {(row["purpose"], row["granted"]) for row in last} == {("email_marketing", False)}


def test_of_nobody_there_are_tables_without_rows() -> None:
    assert pa.concat_tables(customers(PEOPLE, 0)).schema == CUSTOMERS
    assert len(pa.concat_tables(consents(PEOPLE, [], 0))) == 0


def test_the_truth_is_told_of_everybody() -> None:
    table = pa.concat_tables(people_truth(PEOPLE, PARAMETERS.seed))

    assert len(table) == 3_000
    assert table.column("taste_shoes").to_numpy() == pytest.approx(PEOPLE.tastes[:, 2])
    assert {"read_hour", "campaign_effect", "prefetched", "lapse_us"} <= set(table.column_names)


def test_withdrawals_are_the_events_of_leaving(shop: Shop) -> None:
    events = shop.report.events

    withdrawn = shop.number("SELECT count(*) FROM consents WHERE lawful_basis = 'withdrawn'")

    assert withdrawn == events["Unsubscribed"] + events["Email Marked as Spam"]
