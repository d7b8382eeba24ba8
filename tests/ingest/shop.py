"""A small shop's files, a call that imports them, and a look at what the log then holds."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from core.settings import load_settings
from ingest.commit import Report
from ingest.importer import Import
from ingest.lake import connect, export
from ingest.log import EventLog
from ingest.mapping import load_mapping

AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
MAPPING = """
source: shop
currency: GBP
timezone: Europe/London
events:
  event_id: order_no
  time: bought
  customer_id: customer
  item: {product_id: sku, line_id: line, quantity: qty, price: price}
products: {product_id: sku, name: name, category: category, price: price, brand: brand}
customers: {customer_id: id, email: email, traits: {first_name: first, city: city}}
"""
HEADER = "order_no,line,bought,customer,sku,qty,price\n"
EVENTS = HEADER + (
    "A1,1,2024-01-31 23:30:00,ann,tea,2,3.50\n"
    "A1,2,2024-01-31 23:30:00,ann,mug,1,8.00\n"
    "B1,1,2024-05-01 09:00:00,bob,tea,1,3.50\n"
)
PRODUCTS = "sku,name,category,price,brand\ntea,Green tea,Drinks/Tea,3.50,Leaf\nmug,Mug,,8.00,\n"
CUSTOMERS = "id,email,first,city\nann,Ann@Example.TEST,Ann,\nbob,,Bob,York\n"

Dump = dict[str, list[tuple[object, ...]]]


class Shop:
    """Writes files into a folder and imports them into a workspace beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file beside the workspace."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def take(
        self,
        mapping: str = MAPPING,
        *,
        currency: str = "",
        rates: dict[str, float] | None = None,
        **files: str | bytes | Path,
    ) -> Report:
        """Import files given by input name: the content of a CSV file, or a path."""
        inputs = {
            name: content if isinstance(content, Path) else self.file(f"{name}.csv", content)
            for name, content in files.items()
        }
        where = self.file("shop.yaml", mapping)
        settings = load_settings(home=self.home, currency=currency, rates=rates or {})
        return Import(settings, load_mapping(where), where, inputs, as_of=AS_OF).run(quiet)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the log's file itself."""
        db = sqlite3.connect(self.home / "events.db")
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def dump(self) -> Dump:
        """Return what the log holds, whatever order it came in."""
        return {
            "events": self.query(
                "SELECT event_id, customer_id, event, ts_us, value_minor, discount_minor, currency"
                " FROM events ORDER BY event_id"
            ),
            "items": self.query(
                "SELECT event_id, position, line_id, product_id, category, quantity, price_minor,"
                " items.revenue_minor FROM items JOIN events USING (seq) ORDER BY 1, 2"
            ),
            "quarantine": self.query("SELECT row, reason, payload FROM quarantine ORDER BY 1, 2"),
        }

    def reasons(self) -> dict[int, str]:
        """Return row -> reason of what waits in quarantine."""
        return {
            int(str(row)): str(why) for row, why in self.query("SELECT row, reason FROM quarantine")
        }


def quiet(_step: str, _done: int, _total: int) -> None:
    """Show no progress."""


def write(shop: Shop, as_of: datetime = AS_OF) -> int:
    """Export; return how many days were written."""
    log = EventLog(shop.home / "events.db")
    try:
        return export(log, shop.home, as_of=as_of)
    finally:
        log.close()


def seen(shop: Shop, table: str = "items") -> list[tuple[object, ...]]:
    """Return a table as readers of the lake see it."""
    connection = connect(shop.home)
    key = "event_id, position" if table == "items" else "event_id"
    try:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()  # noqa: S608
    finally:
        connection.close()


def files(shop: Shop, table: str = "events") -> dict[str, list[str]]:
    """Return the files of each day."""
    return {
        day.name: sorted(path.name for path in day.iterdir())
        for day in sorted((shop.home / "lake" / table).iterdir())
    }
