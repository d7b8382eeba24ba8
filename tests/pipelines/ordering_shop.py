"""Customers who order in a rhythm of their own and may leave: a shop to look ahead in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.clock import to_us
from core.settings import Settings
from ingest.contract import EVENTS, ITEMS, ORDER_COMPLETED
from tests.small_shop import agree

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 300
AS_OF = START + timedelta(days=DAYS)


def write_shop(home: Path, *, customers: int = 300, seed: int = 7) -> Settings:
    """Write a lake of their orders; the first of them does not want to be learnt from."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for number in range(customers):
        gap, worth = random.choice([8.0, 20.0, 60.0]), random.gamma(3.0, 1_000.0)
        days = np.cumsum(random.exponential(gap, 150))
        days = days[days < min(random.uniform(30, 600), DAYS)]
        rows += [
            {
                "event_id": f"c{number}-{day}",
                "customer_id": f"c{number}",
                "event": ORDER_COMPLETED,
                "ts_us": to_us(START + timedelta(days=float(day))),
                "value_minor": int(random.gamma(6.0, worth / 6.0)),
                "currency": "EUR",
            }
            for day in days
        ]
    for name, schema, content in (("events", EVENTS, rows), ("items", ITEMS, [])):
        folder = home / "lake" / name / "day=2024-01-01"
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(content, schema=schema), folder / "part.parquet")
    agree(home, [f"c{number}" for number in range(1, customers)])
    return Settings(home=home, least_customers=100)
