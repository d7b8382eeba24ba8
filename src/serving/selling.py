"""What has sold since the snapshot was made: the list of what is popular counts it at once."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from core.clock import to_us
from ingest.contract import ORDER_COMPLETED
from ingest.log import EventLog
from profiles.profile import Pick

log = logging.getLogger("bentoml.sendwise")

POPULAR_NOW: Final = "Popular this month"  # as the recommender says it, which is not loaded here
_READ: Final = 20_000  # events at a look: some hundredths of a second
_FEWEST: Final = 3  # orders that make a product popular by themselves
_KEPT: Final = 60  # products of the list
_DAY_US: Final = 86_400_000_000


class Selling:
    """Counts orders as they come into the log. It keeps numbers of products, of nobody."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._since: datetime | None = None
        self._seq = 0  # everything up to this event is counted
        self._orders: Counter[str] = Counter()

    def look(self, since: datetime, until: datetime) -> bool:
        """Count what came into the log since the last look; if it is much, a part of it.

        Args:
            since: The instant of the snapshot; another one starts anew.
            until: Now; what is dated later has not happened.

        Returns:
            Whether there is something new.
        """
        try:
            return self._counted(since, until)
        except sqlite3.Error as error:  # nobody is left blank: the snapshot has its list
            log.warning("selling.unreadable error=%r", error)
            return False

    def popular(self, picks: Sequence[Pick]) -> list[Pick]:
        """Put what was popular and what sells now in one order, by orders.

        Args:
            picks: Of the snapshot; their score is the orders of the thirty days before it.
        """
        known = [one._replace(score=one.score + self._orders[one.product_id]) for one in picks]
        ids = {one.product_id for one in picks}
        risen = [
            Pick(product_id, float(orders), "popularity", POPULAR_NOW)
            for product_id, orders in self._orders.items()
            if orders >= _FEWEST and product_id not in ids
        ]
        return sorted([*known, *risen], key=lambda one: -one.score)[:_KEPT]

    def _counted(self, since: datetime, until: datetime) -> bool:
        started = since != self._since
        if started:
            self._seq = self._before(since)
            self._since, self._orders = since, Counter()
        if since >= until:
            return started
        ((last,),) = self._events.rows(
            "SELECT max(seq) FROM (SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
            (self._seq, _READ),
        )
        if last is None:
            return started
        rows = self._events.rows(
            "SELECT product_id, count(DISTINCT seq) FROM events JOIN items USING (seq)"
            " WHERE seq > ? AND seq <= ? AND event = ? AND ts_us >= ? AND ts_us < ?"
            " GROUP BY product_id",
            (self._seq, last, ORDER_COMPLETED, to_us(since), to_us(until)),
        )
        self._seq = last
        self._orders.update(dict(rows))
        return started or bool(rows)

    def _before(self, since: datetime) -> int:
        """Return the last event before the first of the snapshot's day or later."""
        ((first,),) = self._events.rows(
            "SELECT min(seq) FROM events WHERE ts_us / 86400000000 >= ?",
            (to_us(since) // _DAY_US,),
        )
        if first is None:
            ((last,),) = self._events.rows("SELECT coalesce(max(seq), 0) FROM events")
            return int(last)
        return int(first) - 1
