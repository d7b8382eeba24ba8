"""The catalogue as it is now: prices and stock at most a second old, and what has just come in."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Final

import orjson

from content.campaign import Product
from ingest.log import EventLog
from profiles.products import Products

log = logging.getLogger("bentoml.sendwise")

_NEWEST: Final = 500  # products that may come in between two snapshots and be known at once
_STEP: Final = 50
_KEPT: Final = 100_000  # rows
_LAST: Final = 2**62  # past any row
_WORD: Final = re.compile(r"\w+")

Words = frozenset[str]


class Catalogue:
    """Reads rows of the catalogue when they are asked for, and keeps them until it changes.

    What is `sensitive` counts as not available: it is in no list and in no reason.
    """

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._rows: dict[str, Product | None] = {}  # None: not in the catalogue
        self._newest: Mapping[str, Words] = {}
        self._by_category: Mapping[str, list[str]] = {}
        self._seen: tuple[int, Products | None] = (-1, None)

    def look(self, known: Products | None) -> None:
        """Forget what was read if anybody has written to the file since.

        Args:
            known: The products of the snapshot; what came in after it is new.
        """
        seen = (self._events.rows("PRAGMA data_version")[0][0], known)
        if seen == self._seen and len(self._rows) < _KEPT:
            return
        self._seen = seen
        self._rows.clear()
        try:
            newest = self._came_in_after(known) if known else {}
        except sqlite3.Error as error:  # what is new is no reason to leave anybody blank
            log.warning("catalogue.newest_unknown error=%r", error)
            newest = {}
        by_category = defaultdict[str, list[str]](list)
        for product_id, row in newest.items():
            by_category[row["category"].casefold()].append(product_id)
        self._by_category = by_category
        self._newest = {key: words(row) for key, row in newest.items()}

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """Return the rows of those products that the catalogue knows."""
        wanted = set(product_ids)
        if new := wanted.difference(self._rows):
            self._rows.update(dict.fromkeys(new))
            self._rows.update((row["product_id"], row) for row in self._read(new))
        return {key: row for key in wanted if (row := self._rows[key])}

    @property
    def newest(self) -> Collection[str]:
        """What came in after the snapshot was made, the newest first."""
        return self._newest

    def newest_like(self, product: Product) -> dict[str, float]:
        """Return what came in after the snapshot and is like a product, and how much: 0 to 1.

        Of the same category, by the words they share (Jaccard): no model knows them yet.
        """
        own, found = words(product), {}
        for product_id in self._by_category.get(product["category"].casefold(), ()):
            other = self._newest[product_id]
            if product_id != product["product_id"] and (both := len(own & other)):
                found[product_id] = both / len(own | other)
        return found

    def _came_in_after(self, known: Products) -> dict[str, Product]:
        """Walk back from the row that came last to the first that the snapshot knows."""
        found: dict[str, Product] = {}
        if not known.ids([0]):  # a snapshot without products cannot tell
            return found
        before = _LAST
        while len(found) < _NEWEST:
            rows = self._events.rows(
                "SELECT rowid, product_id FROM catalogue WHERE rowid < ?"
                " ORDER BY rowid DESC LIMIT ?",
                (before, _STEP),
            )
            keys = [key for _, key in rows]
            fresh = list(takewhile(_not_in(known.known(keys)), keys))
            there = self.products(fresh)
            found |= {key: there[key] for key in fresh if key in there}
            if len(fresh) < _STEP:
                break
            before = rows[-1][0]
        return found

    def _read(self, product_ids: Iterable[str]) -> Iterator[Product]:
        rows = self._events.rows(
            # Attributes are read only where they may say what matters here.
            "SELECT product_id, name, price_minor, currency, url, image_url, category, available,"
            " CASE WHEN attributes LIKE '%sensitive%' THEN attributes END"
            " FROM catalogue WHERE product_id IN (SELECT value FROM json_each(?))",
            (orjson.dumps(list(product_ids)).decode(),),
        )
        for product_id, name, price_minor, currency, url, image_url, category, stock, more in rows:
            yield Product(
                product_id=product_id,
                name=name,
                price_minor=price_minor,
                currency=currency or "",
                url=url,
                image_url=image_url,
                category=category or "",
                available=bool(stock) and not (more and _is_sensitive(more)),
            )


def _not_in(known: Container[str]) -> Callable[[str], bool]:
    return lambda key: key not in known


def words(product: Product) -> Words:
    """Return the words of a product's name and category, in small letters."""
    return frozenset(_WORD.findall(f"{product['name']} {product['category']}".casefold()))


def _is_sensitive(attributes: str) -> bool:
    return orjson.loads(attributes).get("sensitive") in (True, "true")
