from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.clock import to_us
from core.errors import ConfigError, DataError, NotEnoughDataError, NotReadyError
from core.settings import Settings
from ingest.contract import EVENTS, ITEMS, ORDER_COMPLETED, TABLES
from pipelines.drift_report import report_drift
from tests.small_shop import agree

START = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = [f"person-{number}" for number in range(40)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A shop of 40 customers from January to April; ten times the spend from March on."""
    home = tmp_path / "home"
    draw = np.random.default_rng(7)
    orders = [
        {
            "event_id": f"{customer}-{day}",
            "customer_id": customer,
            "event": ORDER_COMPLETED,
            "ts_us": to_us(START + timedelta(days=day, hours=float(draw.uniform(0, 24)))),
            "order_id": f"{customer}-{day}",
            "value_minor": int(draw.integers(500, 1_000)) * (10 if day >= 60 else 1),
            "discount_minor": 0,
            "currency": "EUR",
            "is_machine": False,
        }
        for customer in CUSTOMERS
        for day in range(int(draw.integers(0, 9)), 120, 9)
    ]
    lines = [
        {**order, "position": 1, "product_id": "p1", "category": "FOOD", "quantity": 1}
        for order in orders
    ]
    for name, schema, rows in (("events", EVENTS, orders), ("items", ITEMS, lines)):
        folder = home / "lake" / name / "day=2024-01-01"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "part.parquet")
    for name in ("catalogue", "customers", "consents"):
        pq.write_table(TABLES[name].empty_table(), home / "lake" / f"{name}.parquet")
    agree(home, CUSTOMERS, "analytics")
    return Settings(home=home, currency="EUR")


def test_reports_what_moved_in_table_page_and_json(settings: Settings) -> None:
    outcome = report_drift(settings, reference="2024-02", current="2024-04")

    page = Path(str(outcome.data["report"]))
    kept = orjson.loads(page.with_suffix(".json").read_bytes())
    assert page == settings.home / "reports" / "drift-2024-02-2024-04.html"
    assert outcome.rows[0][0] in {"order_value_minor_90d", "revenue_minor_30d", "revenue_minor_90d"}
    assert [row[0] for row in outcome.rows] == [column["feature"] for column in kept["columns"]]
    assert kept["reference_customers"] == len(CUSTOMERS)
    assert not any(customer in page.read_text() for customer in CUSTOMERS)


def test_only_who_consents_to_analytics_at_the_end_of_a_span_counts(settings: Settings) -> None:
    end_us = to_us(datetime(2024, 3, 1, tzinfo=UTC))
    agree(settings.home, CUSTOMERS[:3], "analytics", granted=False, at_us=end_us + 1)
    agree(settings.home, CUSTOMERS[:1], "analytics", granted=False, at_us=end_us - 1)

    outcome = report_drift(settings, reference="2024-02", current="2024-04")

    counts = ("reference_customers", "current_customers", "reference_left_out", "current_left_out")
    assert [outcome.data[each] for each in counts] == [39, 37, 1, 3]
    assert "Left out, without consent to analytics: 1 and 3." in outcome.notes


def test_nobody_who_consents_to_analytics_is_one_clear_line(settings: Settings) -> None:
    (settings.home / "events.db").unlink()
    agree(settings.home, CUSTOMERS, "model_training")

    with pytest.raises(NotEnoughDataError, match="consented to analytics before 2024-03-01"):
        report_drift(settings, reference="2024-02", current="2024-04")


def test_says_that_there_is_no_model_to_compare_scores_of(settings: Settings) -> None:
    outcome = report_drift(settings, reference="2024-02", current="2024-04")

    assert outcome.data["model"] is None
    assert any("no champion" in note for note in outcome.notes)


def test_only_an_asked_for_gate_fails(settings: Settings) -> None:
    strict = settings.model_copy(update={"drift_share": 0.01})

    assert report_drift(strict, reference="2024-02", current="2024-04").exit_code == 0
    assert report_drift(strict, reference="2024-02", current="2024-04", gate=True).exit_code == 3


def test_the_gate_passes_when_little_moved(settings: Settings) -> None:
    outcome = report_drift(settings, reference="2024-04", current="2024-04", gate=True)

    assert outcome.data["share"] == 0.0
    assert outcome.exit_code == 0


def test_what_only_grows_is_compared_when_asked(settings: Settings) -> None:
    windowed = report_drift(settings, reference="2024-02", current="2024-04")
    everything = report_drift(
        settings, reference="2024-02", current="2024-04", include_lifetime=True
    )

    growing = {"tenure_days", "recency_days"}
    assert not growing & {row[0] for row in windowed.rows}
    assert growing <= {row[0] for row in everything.rows}


@pytest.mark.parametrize(
    ("reference", "current", "error", "says"),
    [
        pytest.param("2023-06", "2024-02", DataError, "--reference '2023-06'", id="before-first"),
        pytest.param("2024-02", "2025-06", DataError, "--current '2025-06'", id="after-last"),
        pytest.param("June", "2024-02", ConfigError, r"2017-06, or START\.\.END", id="not-a-span"),
        pytest.param(
            "2024-02-02..2024-02-01", "2024-02", ConfigError, "before it starts", id="backwards"
        ),
        pytest.param("2024-01-02", "2024-02", NotEnoughDataError, "customers", id="too-few"),
    ],
)
def test_a_span_that_cannot_be_used_is_one_clear_line(
    settings: Settings, reference: str, current: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        report_drift(settings, reference=reference, current=current)

    assert "\n" not in str(caught.value)
    assert not (settings.home / "reports").exists()


def test_says_when_nothing_was_imported(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        report_drift(Settings(home=tmp_path), reference="2024-02", current="2024-04")
