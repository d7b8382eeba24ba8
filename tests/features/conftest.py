"""A shop in a table: tests write down orders and get the lake's views."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from core.clock import DAY, to_us
from features.row import Happening
from ingest.contract import (
    CAMPAIGN_SENT,
    COUPON_APPLIED,
    CUSTOMERS,
    EVENTS,
    ITEMS,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
)

NOW = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday

# What is known of customers besides; locales that are none count for nothing.
TRAITS: tuple[dict[str, object] | None, ...] = (
    {"locale": "de-DE", "name": "Ann"},
    {"locale": "pt_BR"},
    {"locale": "German, please"},
    {"locale": ""},
    {"locale": None},
    {"locale": 49},
    {"locale": True},
    {"locale": {"de": "DE"}},
    {"name": "Bob"},
    {},
    None,
)


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One event; `lines` are the categories of its lines, `products` their ids.

    Brand, quantity and price are those of every line; a price counts minor units.
    """

    customer: str | None
    at: datetime
    event: str = ORDER_COMPLETED
    value: int | None = 1_000
    discount: int | None = 0
    lines: tuple[str | None, ...] = ("SHOES/BOOTS",)
    products: tuple[str | None, ...] = ()
    brand: str | None = "Acme"
    quantity: int | None = 1
    price: int | None = None
    currency: str | None = "EUR"
    campaign: str | None = None
    device: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    is_machine: bool | None = False
    ident: str = ""


Lake = Callable[[Iterable[Happened]], duckdb.DuckDBPyConnection]
Row = dict[str, Any]


def _event(number: int, row: Happened) -> Row:
    return {
        "event_id": row.ident or f"e{number}",
        "customer_id": row.customer,
        "event": row.event,
        "ts_us": to_us(row.at),
        "currency": row.currency,
        "received_us": to_us(row.at),
        "value_minor": row.value,
        "discount_minor": row.discount,
        "campaign_id": row.campaign,
        "device": row.device,
        "country": row.country,
        "region": row.region,
        "city": row.city,
        "is_machine": row.is_machine,
    }


def _items(event: Row, row: Happened) -> list[Row]:
    """Return the lines of an event; as in the lake, a machine's count for nobody."""
    shared = {name: event[name] for name in ("event_id", "customer_id", "event", "ts_us")}
    products = row.products or tuple(f"p-{category}" for category in row.lines)
    categories = row.lines or (None,) * len(products)
    return [
        shared
        | {
            "currency": row.currency,
            "position": position,
            "product_id": product,
            "category": category,
            "brand": row.brand,
            "quantity": row.quantity,
            "price_minor": row.price,
        }
        for position, (category, product) in enumerate(
            zip(categories, products, strict=False), start=1
        )
        if not row.is_machine
    ]


def rows_of(rows: Iterable[Happened]) -> tuple[list[Row], list[Row]]:
    """Return the rows of the event and the item table of what happened."""
    listed = [(_event(number, row), row) for number, row in enumerate(rows)]
    events = [event for event, _ in listed]
    return events, [item for event, row in listed for item in _items(event, row)]


def tables(rows: Iterable[Happened]) -> tuple[pa.Table, pa.Table]:
    """Return the event and the item table of what happened."""
    events, items = rows_of(rows)
    return pa.Table.from_pylist(events, schema=EVENTS), pa.Table.from_pylist(items, schema=ITEMS)


def customers_of(traits: Mapping[str, Mapping[str, object]]) -> pa.Table:
    """Return the customers' table of traits by customer."""
    rows = [{"customer_id": who, "traits": json.dumps(of)} for who, of in traits.items()]
    return pa.Table.from_pylist(rows, schema=CUSTOMERS)


def happenings(events: Iterable[Row], items: Iterable[Row]) -> dict[str, dict[str, Happening]]:
    """Return each customer's events as the stream sees them, by their ids."""
    lines: dict[str, list[Row]] = {}
    for item in items:
        lines.setdefault(item["event_id"], []).append(item)
    found: dict[str, dict[str, Happening]] = {}
    for event in events:
        if event["customer_id"] is not None:
            of = found.setdefault(event["customer_id"], {})
            of[event["event_id"]] = Happening.of(event, lines.get(event["event_id"], ()))
    return found


@pytest.fixture(scope="session")
def lake() -> Iterator[Lake]:
    """Give a function from rows to a connection with `events`, `items` and no `customers`."""
    opened = []

    def build(rows: Iterable[Happened]) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("SET threads TO 2")
        opened.append(connection)
        for name, table in zip(("events", "items"), tables(rows), strict=True):
            connection.register(name, table)
        connection.register("customers", CUSTOMERS.empty_table())
        return connection

    yield build
    for connection in opened:
        connection.close()


@pytest.fixture(scope="session")
def happened() -> type[Happened]:
    """Give the row builder: conftest is no module that a test can import."""
    return Happened


@pytest.fixture(scope="session")
def ann(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Ann: orders 100, 40 and 10 days ago, and a few other things."""
    return lake(
        [
            Happened(customer="ann", at=NOW - 100 * DAY, value=5_000, lines=("BAGS",) * 4),
            Happened(customer="ann", at=NOW - 40 * DAY, value=1_000, lines=("SHOES/BOOTS", "BAGS")),
            Happened(
                customer="ann",
                at=NOW - 10 * DAY + timedelta(hours=18),  # Tuesday 20 February, 18:00
                value=3_000,
                discount=1_000,
                lines=("SHOES/BOOTS", "SHOES/SANDALS", None),
            ),
            Happened(customer="ann", at=NOW - 5 * DAY, event=ORDER_REFUNDED, value=900, lines=()),
            Happened(customer="ann", at=NOW - 4 * DAY, event=CAMPAIGN_SENT, value=0, lines=()),
            Happened(customer="ann", at=NOW - 3 * DAY, event=COUPON_APPLIED, value=0, lines=()),
        ]
    )
