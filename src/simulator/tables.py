"""Records become tables of the event contract."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import DAY_US
from ingest import contract as k
from simulator.arrays import Flags, Ints, mixed
from simulator.assortment import BRANDS, LEAVES, Assortment
from simulator.happenings import EVENT, KINDS, NONE, PAGES, PROPERTIES, Happenings, of_kind
from simulator.parameters import CURRENCY
from simulator.people import DEVICES, People
from simulator.places import COUNTRIES, COUNTRY, PLACES
from simulator.texts import decimal_texts, hex_texts, prefixed, text_column, word_column

_WEB, _MAIL = range(2)
SOURCES: Final = ("web", "esp")
_BY_MAIL: Final = (
    k.EMAIL_DELIVERED,
    k.EMAIL_OPENED,
    k.EMAIL_CLICKED,
    k.EMAIL_BOUNCED,
    k.EMAIL_SPAM,
    k.UNSUBSCRIBED,
)
_OF_ORDERS: Final = (k.ORDER_COMPLETED, k.ORDER_REFUNDED)
_PRICED: Final = (*_OF_ORDERS, k.CHECKOUT_STARTED)
_LINES: Final = (*_PRICED, k.PRODUCT_ADDED, k.PRODUCT_REMOVED)
_FIELDS: Final = tuple(EVENT.names or ())  # of records; each is read often, so copied once
_READ: Final = ("customer", "ts_us", "visit", "order", "url")
_ANONYMOUS_SALT: Final = 17


def event_numbers(ts_us: Ints) -> Ints:
    """Number events of whole days, in order of time: the day, and the place within it."""
    day = ts_us // DAY_US
    firsts = np.searchsorted(day, day)
    return (day << 32) | (np.arange(len(day)) - firsts)


def event_ids(numbers: Ints) -> pa.Array:
    """Return the ids of events."""
    return text_column(hex_texts(numbers))


def customer_ids(customers: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return the ids of customers."""
    return prefixed("c", decimal_texts(customers))


def anonymous_ids(customers: NDArray[Any], seed: int) -> NDArray[np.bytes_]:
    """Return what customers are known by before they say who they are; it tells nothing of it."""
    return hex_texts(mixed(customers.astype(np.uint64), seed + _ANONYMOUS_SALT))


class Tables:
    """Makes tables of what happened in a shop."""

    def __init__(
        self, people: People, products: Assortment, campaign_ids: list[str], seed: int
    ) -> None:
        """Keep the words that columns refer to."""
        self._people, self._products, self._seed = people, products, seed
        self._words = {
            "event": pa.array(KINDS),
            "source": pa.array(SOURCES),
            "currency": pa.array([CURRENCY]),
            "campaign_id": pa.array(campaign_ids, pa.string()),
            "device": pa.array(DEVICES),
            "country": pa.array(COUNTRIES),
            "region": pa.array([place.region for place in PLACES]),
            "city": pa.array([place.city for place in PLACES]),
            "properties": pa.array(PROPERTIES),
            "product_id": products.ids(),
            "category": pa.array(LEAVES),
            "brand": pa.array(BRANDS),
        }
        pages = [f"https://shop.example/p/{each}" for each in products.ids().to_pylist()]
        self._words["url"] = pa.array([*PAGES, *pages])

    def _coded(self, name: str, codes: NDArray[Any], valid: Flags | None = None) -> pa.Array:
        return word_column(self._words[name], codes, valid)

    def events(self, rows: NDArray[np.void], ids: pa.Array, received_us: Ints) -> pa.Table:
        """Return events as the contract has them; texts of few words refer to a vocabulary."""
        row = {name: np.ascontiguousarray(rows[name]) for name in _FIELDS}
        who, ts, visit, order, url = (row[name] for name in _READ)
        known = ts >= self._people.identified_us[who]
        by_mail, money = of_kind(row["kind"], *_BY_MAIL), of_kind(row["kind"], *_OF_ORDERS)
        place, seen = self._people.place[who], row["device"] != NONE
        page = np.where(url >= 0, url + len(PAGES), -2 - url)
        columns = {
            "event_id": ids,
            "customer_id": text_column(customer_ids(who), known),
            "anonymous_id": text_column(anonymous_ids(who, self._seed), visit != NONE),
            "event": self._coded("event", row["kind"]),
            "ts_us": ts,
            "received_us": received_us,
            "source": self._coded("source", by_mail.astype(np.int8)),
            "session_id": text_column(prefixed("s", hex_texts(visit)), visit != NONE),
            "order_id": text_column(prefixed("o", hex_texts(order)), order != NONE),
            "value_minor": pa.array(row["value"], pa.int64(), mask=~money),
            "discount_minor": pa.array(row["discount"], pa.int64(), mask=~money),
            "currency": self._coded("currency", np.zeros(len(rows), np.int8), money),
            "campaign_id": self._coded("campaign_id", row["campaign"], row["campaign"] != NONE),
            "decision_id": pa.nulls(len(rows), pa.string()),
            "device": self._coded("device", row["device"], seen),
            "country": self._coded("country", COUNTRY[place], seen),
            "region": self._coded("region", place, seen),
            "city": self._coded("city", place, seen),
            "url": self._coded("url", page, url != NONE),
            "is_machine": row["machine"],
            "properties": self._coded("properties", row["properties"]),
        }
        return pa.table([columns[name] for name in k.EVENTS.names], names=k.EVENTS.names)

    def items(self, happened: Happenings, numbers: Ints) -> pa.Table:
        """Return the products that events name, in the order of the events.

        Args:
            happened: Events, each with items of its own, in the same order.
            numbers: Of the events.
        """
        rows, items = happened.events, happened.items
        counts = rows["count"].astype(np.int64)
        event = np.repeat(np.arange(len(rows)), counts)
        who, ts, kind = (
            np.ascontiguousarray(rows[name])[event] for name in ("customer", "ts_us", "kind")
        )
        product = np.ascontiguousarray(items["product"])
        line, money = of_kind(kind, *_LINES), of_kind(kind, *_PRICED)
        price = self._products.price_minor[product]
        quantity = items["quantity"].astype(np.int64)
        discount = items["discount"].astype(np.int64)
        columns = {
            "event_id": event_ids(numbers[event]),
            "position": np.arange(len(event)) - rows["first"][event],
            "customer_id": text_column(customer_ids(who), ts >= self._people.identified_us[who]),
            "event": self._coded("event", kind),
            "ts_us": ts,
            "product_id": self._coded("product_id", product),
            "category": self._coded("category", self._products.leaf[product]),
            "brand": self._coded("brand", self._products.brand[product]),
            "quantity": pa.array(np.maximum(quantity, 1), mask=~line),
            "price_minor": price,
            "discount_minor": pa.array(discount, mask=~money),
            "revenue_minor": pa.array(price * quantity - discount, mask=~money),
            "currency": self._coded("currency", np.zeros(len(event), np.int8)),
        }
        return pa.table([columns[name] for name in k.ITEMS.names], names=k.ITEMS.names)
