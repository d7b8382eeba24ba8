"""A shop in a table: tests write down orders and get the lake's views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from core.clock import to_us
from ingest.contract import EVENTS, ITEMS, ORDER_COMPLETED

NOW = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One event; `lines` are the categories of an order's lines."""

    customer: str | None
    at: datetime
    event: str = ORDER_COMPLETED
    value: int = 1_000
    discount: int = 0
    lines: tuple[str | None, ...] = ("SHOES/BOOTS",)
    brand: str | None = "Acme"
    currency: str = "EUR"
    is_machine: bool = False
    ident: str = ""


Lake = Callable[[Iterable[Happened]], duckdb.DuckDBPyConnection]


def tables(rows: Iterable[Happened]) -> tuple[pa.Table, pa.Table]:
    """Return the event and the item table of what happened."""
    events: list[dict[str, int | str | None]] = []
    items: list[dict[str, int | str | None]] = []
    for number, row in enumerate(rows):
        shared = {
            "event_id": row.ident or f"e{number}",
            "customer_id": row.customer,
            "event": row.event,
            "ts_us": to_us(row.at),
            "currency": row.currency,
        }
        events.append(
            shared
            | {
                "received_us": to_us(row.at),
                "value_minor": row.value,
                "discount_minor": row.discount,
                "is_machine": row.is_machine,
            }
        )
        items.extend(
            shared
            | {
                "position": position,
                "product_id": f"p-{category}",
                "category": category,
                "brand": row.brand,
                "quantity": 1,
            }
            for position, category in enumerate(row.lines, start=1)
        )
    return pa.Table.from_pylist(events, schema=EVENTS), pa.Table.from_pylist(items, schema=ITEMS)


@pytest.fixture(scope="session")
def lake() -> Iterator[Lake]:
    """Give a function from rows to a connection with the views `events` and `items`."""
    opened = []

    def build(rows: Iterable[Happened]) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("SET threads TO 2")
        opened.append(connection)
        for name, table in zip(("events", "items"), tables(rows), strict=True):
            connection.register(name, table)
        return connection

    yield build
    for connection in opened:
        connection.close()


@pytest.fixture(scope="session")
def happened() -> type[Happened]:
    """Give the row builder: conftest is no module that a test can import."""
    return Happened
