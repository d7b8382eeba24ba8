"""Events and the products they name, as two arrays of records that are cheap to join and sort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from ingest import contract as k
from simulator.arrays import Bytes, Flags, Ints, Records, spans, stable_order, stacked, taken
from simulator.assortment import LEAVES

KINDS: Final = tuple(
    name for name in k.EVENT_NAMES if name not in (k.SESSION_STARTED, k.CAMPAIGN_SENT)
)
KIND: Final = {name: number for number, name in enumerate(KINDS)}
# What `properties` may be, as JSON.
PROPERTIES: Final = (
    "{}",
    '{"bounce_type":"hard"}',
    '{"machine":"prefetch"}',
    '{"machine":"scanner"}',
    '{"coupon":"MAIL10"}',
)
PLAIN, HARD, PREFETCH, SCANNER, COUPON = range(len(PROPERTIES))
NONE: Final = -1  # no visit, order, campaign, url or device
# Pages that are no product's; `url` of an event is a product's number, or -2, -3, ... for these.
PAGES: Final = (
    *(f"https://shop.example/c/{leaf.lower()}" for leaf in LEAVES),
    "https://shop.example/checkout",
    "https://shop.example/thanks",
    "https://shop.example/mail/hero",
    "https://shop.example/mail/offers",
    "https://shop.example/mail/news",
)
CHECKOUT, THANKS, *MAIL_LINKS = range(-2 - len(LEAVES), -2 - len(PAGES), -1)

EVENT: Final = np.dtype(
    [
        ("ts_us", np.int64),
        ("customer", np.int32),
        ("visit", np.int32),
        ("order", np.int32),
        ("value", np.int32),  # minor units, of orders and refunds
        ("discount", np.int32),
        ("url", np.int32),
        ("first", np.int32),  # its items are items[first : first + count]
        ("count", np.int16),
        ("campaign", np.int16),
        ("kind", np.uint8),
        ("device", np.int8),
        ("machine", np.bool_),
        ("properties", np.uint8),
    ],
    align=True,
)
ITEM: Final = np.dtype(
    [
        ("product", np.int32),
        ("discount", np.int32),  # minor units, of the line
        ("quantity", np.int16),  # 0: only shown
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events, and the items they point at. Events may share items: a view and its cart line."""

    events: Records
    items: Records

    def __len__(self) -> int:
        return len(self.events)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return all events and items of several."""
        firsts = np.cumsum([0, *(len(part.items) for part in parts)])
        events = stacked(EVENT, [part.events for part in parts])
        starts = np.repeat(firsts[:-1], [len(part) for part in parts])
        events["first"] += starts.astype(np.int32)
        return cls(events, stacked(ITEM, [part.items for part in parts]))

    def select(self, rows: Ints) -> Self:
        """Return the events of `rows`, in that order, each with items of its own."""
        events = taken(self.events, rows)
        counts = events["count"].astype(np.int64)
        items = taken(self.items, spans(events["first"].astype(np.int64), counts))
        events["first"] = np.cumsum(counts) - counts
        return type(self)(events, items)

    def split(self, start_us: int, until_us: int) -> tuple[Self, Self]:
        """Return the events in [start, until) in order of time, and those after; drop the rest."""
        ts = np.ascontiguousarray(self.events["ts_us"])
        now = np.flatnonzero((ts >= start_us) & (ts < until_us))
        later = np.flatnonzero(ts >= until_us)
        return self.select(now[stable_order(ts[now])]), self.select(later)


def records(kind: str, ts_us: Ints, **given: Any) -> Records:  # noqa: ANN401  # columns of several types
    """Return events of one kind; what is not given is none."""
    out = np.zeros(len(ts_us), EVENT)
    for name in ("visit", "order", "url", "campaign", "device"):
        out[name] = NONE
    out["kind"], out["ts_us"] = KIND[kind], ts_us
    for name, values in given.items():
        out[name] = values
    return out


def of_kind(codes: Bytes, *kinds: str) -> Flags:
    """Say which codes are of one of `kinds`."""
    wanted = np.zeros(len(KINDS), bool)
    wanted[[KIND[kind] for kind in kinds]] = True
    return wanted[codes]
