"""What a snapshot holds of products: how they sell, and which belong together.

Products are numbered by how they sell, the best seller first. So the numbers themselves are the
end of every list: walked upwards, they give the whole catalogue, never anything by chance.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

import orjson

from profiles.profile import Pick

# What makes products belong together: like texts, the same orders, the same people.
Kin = Literal["similar_to", "goes_with", "bought_too"]
KINDS: Final[tuple[Kin, ...]] = ("similar_to", "goes_with", "bought_too")

TABLES: Final = """
CREATE TABLE product (
    number INTEGER PRIMARY KEY, product_id TEXT NOT NULL UNIQUE, price_minor INTEGER,
    has_image INTEGER NOT NULL, score REAL NOT NULL, reason TEXT NOT NULL
);
-- Every category that a product is in, those above its own too: each in the order it sells.
CREATE TABLE shelf (
    category TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (category, number)
) WITHOUT ROWID;
CREATE TABLE kin (
    number INTEGER PRIMARY KEY, similar_to BLOB NOT NULL, goes_with BLOB NOT NULL,
    bought_too BLOB NOT NULL
);
"""
_AMONG: Final = "SELECT value FROM json_each(?)"
_REPLAYS: Final = 16  # of the whole catalogue at worst; most end after a page or two
_PAGE: Final = 40  # products read at once: about what a list needs
_NUMBER, _SCORE = "I", "f"  # codes of `array`: four bytes each


class Item(NamedTuple):
    """One product as a snapshot knows it: as of its instant, where the catalogue may be newer.

    The last three are made by `pack_kin`.
    """

    product_id: str
    category: str  # path, in small letters (`str.casefold`)
    price_minor: int | None
    has_image: bool
    score: float  # how it sells
    reason: str  # what can be said of that to anybody
    similar_to: bytes = b""
    goes_with: bytes = b""
    bought_too: bytes = b""


class Neighbours(NamedTuple):
    """Products that belong with one, the nearest first, and how near they are."""

    numbers: Sequence[int]
    scores: Sequence[float]


def pack_kin(numbers: bytes, scores: bytes) -> bytes:
    """Return neighbours as they are kept: uint32 numbers, then as many float32 scores."""
    return numbers + scores


def unpack_kin(body: bytes) -> Neighbours:
    """Read back what `pack_kin` wrote."""
    numbers, scores = array(_NUMBER), array(_SCORE)
    numbers.frombytes(body[: len(body) // 2])
    scores.frombytes(body[len(body) // 2 :])
    return Neighbours(numbers, scores)


class Replay:
    """An iterator that can be gone through again: what was read once is kept.

    The same ends of lists are wanted for every recipient of a request.
    """

    def __init__(self, source: Iterator[Pick]) -> None:
        self._source = source
        self._kept: list[Pick] = []

    def __iter__(self) -> Iterator[Pick]:
        """Give everything from the start, reading on only where nobody has been yet."""
        at = 0
        while True:
            if at == len(self._kept):
                following = next(self._source, None)
                if following is None:
                    return
                self._kept.append(following)
            yield self._kept[at]
            at += 1


def put(store: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Write products into the tables of a snapshot, one by one as they come."""
    for number, item in enumerate(items):
        product_id, category, *facts = item
        store.execute(
            "INSERT INTO product VALUES (?, ?, ?, ?, ?, ?)", (number, product_id, *facts[:4])
        )
        parts = category.split("/") if category else []
        paths = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
        store.executemany("INSERT INTO shelf VALUES (?, ?)", ((path, number) for path in paths))
        if any(facts[4:]):
            store.execute("INSERT INTO kin VALUES (?, ?, ?, ?)", (number, *facts[4:]))


class Products:
    """Reads the products of one snapshot; every read is by an index."""

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store
        self._ids: dict[int, str] = {}  # those asked for so far
        self._best: dict[str, Replay] = {}  # the last few that were asked for
        store.execute("SELECT number FROM product LIMIT 1")  # an older snapshot has none

    def known(self, product_ids: Iterable[str]) -> set[str]:
        """Return those that the snapshot knows."""
        return {key for (key,) in self._among("SELECT product_id FROM product", product_ids)}

    def kin(self, product_ids: Iterable[str], *kinds: Kin) -> dict[str, tuple[Kin, Neighbours]]:
        """Return the neighbours of products by the first kind by which they have any."""
        first = " ".join(f"WHEN length({kind}) THEN {at}" for at, kind in enumerate(kinds))
        body = " ".join(f"WHEN length({kind}) THEN {kind}" for kind in kinds)
        rows = self._among(
            f"SELECT product_id, CASE {first} END, CASE {body} END"  # noqa: S608  # ours
            " FROM product JOIN kin USING (number)",
            product_ids,
        )
        return {key: (kinds[at], unpack_kin(near)) for key, at, near in rows if near}

    def ids(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the product of each number."""
        wanted = set(numbers)
        if new := wanted.difference(self._ids):
            rows = self._store.execute(
                f"SELECT number, product_id FROM product WHERE number IN ({_AMONG})",  # noqa: S608  # ours
                (orjson.dumps(list(new)).decode(),),
            )
            self._ids.update(rows.fetchall())
        return {number: self._ids[number] for number in wanted if number in self._ids}

    def best(self, bounds: Mapping[str, object] | None = None) -> Iterator[Pick]:
        """Give what sells best, through the whole catalogue; read only as far as it is asked for.

        Args:
            bounds: What products had to be when the snapshot was made: `categories` (paths in
                small letters; what lies below counts too), `min_price_minor`, `max_price_minor`,
                `has_image`.
        """
        asked = orjson.dumps(bounds or {}, option=orjson.OPT_SORT_KEYS).decode()
        found = self._best.pop(asked, None) or Replay(self._read_best(bounds or {}))
        self._best[asked] = found  # the latest at the end
        if len(self._best) > _REPLAYS:
            del self._best[next(iter(self._best))]
        return iter(found)

    def _read_best(self, bounds: Mapping[str, object]) -> Iterator[Pick]:
        """Read page by page: no cursor stays open for what nobody may ask for."""
        last = -1
        while page := self._page(bounds, last):
            yield from (Pick(key, score, "popularity", why) for _, key, score, why in page)
            last = page[-1][0]

    def _page(self, bounds: Mapping[str, object], last: int) -> list[tuple[Any, ...]]:
        """Return the products that follow after number `last`."""
        where, given = _where(bounds)
        end = f"{where} AND number > ? ORDER BY number LIMIT {_PAGE}"
        columns = "SELECT number, product_id, score, reason FROM"
        named = bounds.get("categories")
        if isinstance(named, Sequence) and named:
            sql = f"{columns} shelf JOIN product USING (number) WHERE category = ?{end}"
            wanted = [(sql, [path, *given, last]) for path in dict.fromkeys(named)]
        else:
            wanted = [(f"{columns} product WHERE true{end}", [*given, last])]
        rows = merge(*(self._store.execute(sql, values).fetchall() for sql, values in wanted))
        return list(islice(rows, _PAGE))

    def _among(self, select: str, product_ids: Iterable[str]) -> list[tuple[Any, ...]]:
        given = (orjson.dumps(list(product_ids)).decode(),)
        return self._store.execute(f"{select} WHERE product_id IN ({_AMONG})", given).fetchall()


def _where(bounds: Mapping[str, object]) -> tuple[str, list[object]]:
    where, given = "", list[object]()
    for name, sign in (("min_price_minor", ">="), ("max_price_minor", "<=")):
        if bounds.get(name) is not None:
            where += f" AND price_minor {sign} ?"
            given.append(bounds[name])
    return where + (" AND has_image" if bounds.get("has_image") else ""), given
