"""Things that customers do, put into the event log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from core.clock import DAY, to_us
from tests.serving import shop

VIEWED, ADDED, REMOVED = "Product Viewed", "Product Added", "Product Removed"
ORDERED = "Order Completed"


def do(home: Path, customer_id: str, *what: tuple[str, str], ago: timedelta = DAY / 24) -> None:
    """Put events into the log, a second apart, each with one product."""
    with closing(sqlite3.connect(home / "events.db")) as log, log:
        (last,) = log.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        for number, (event, product_id) in enumerate(what, 1):
            ts_us = to_us(shop.NOW - ago) + number * 1_000_000
            log.execute(
                "INSERT INTO events (seq, event_id, customer_id, event, ts_us) VALUES (?,?,?,?,?)",
                (last + number, f"e{last + number}", customer_id, event, ts_us),
            )
            log.execute(
                "INSERT INTO items (seq, position, line_id, product_id) VALUES (?, 0, '', ?)",
                (last + number, product_id),
            )
