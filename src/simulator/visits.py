"""What happens in visits: lists and products looked at, carts filled and emptied, orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from ingest import contract as k
from simulator.arrays import Bytes, Codes, Flags, Ints, Records, ragged, stacked
from simulator.choices import Offer, Shelf, draw
from simulator.happenings import (
    CHECKOUT,
    COUPON,
    EVENT,
    ITEM,
    KIND,
    NONE,
    THANKS,
    Happenings,
    records,
)
from simulator.people import DEVICES, People

BROWSING, PLANNED, MAILED = range(3)  # why somebody comes
COUPON_PERCENT: Final = 10
REFUNDED: Final = 0.045  # share of the orders
ASKS_BEFORE: Final = 0.3  # of the refunds
LISTED: Final = 3  # products of a list that are noted
_MOST_LINES: Final = 8
_MINUTE_US: Final = 60_000_000


@dataclass(frozen=True, slots=True)
class Visits:
    """One entry per visit."""

    start_us: Ints
    customer: Codes
    intent: Bytes  # BROWSING, PLANNED or MAILED
    campaign: NDArray[np.int16]  # of the mailing that led here, or NONE
    coupon: Flags  # that mailing brought a coupon

    @classmethod
    def of(cls, start_us: Ints, customer: Codes, intent: int, **given: Any) -> Self:  # noqa: ANN401  # columns
        """Return visits that one reason led to."""
        size = len(start_us)
        return cls(
            start_us,
            customer.astype(np.int32),
            np.full(size, intent, np.uint8),
            np.full(size, given.get("campaign", NONE), np.int16),
            np.full(size, given.get("coupon", False), bool),
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the visits of several."""
        names = ("start_us", "customer", "intent", "campaign", "coupon")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What visitors are about to do, one entry per visit."""

    views: Ints
    lists: Ints
    lines: Ints  # products put into the cart for good; the last ones viewed
    orders: Flags
    dwell_us: Ints  # time for one product
    device: Bytes


def _plan(visits: Visits, people: People, rng: np.random.Generator) -> _Plan:
    size, who = len(visits.start_us), visits.customer
    known = visits.start_us >= people.identified_us[who]
    chance = np.choose(
        visits.intent,
        [people.order_propensity[who], np.float32(1), people.mail_order_rate[who]],
    )
    orders = known & (rng.random(size, np.float32) < chance)
    carted = orders | (rng.random(size, np.float32) < 0.08)  # left in the cart
    lines = np.where(carted, 1 + rng.poisson(people.basket[who]), 0)
    lines = np.minimum(lines, _MOST_LINES)
    views = 1 + (rng.standard_exponential(size, np.float32) * 2.1).astype(np.int64)
    luck = rng.random(size, np.float32)
    other = rng.integers(0, len(DEVICES), size).astype(np.uint8)
    return _Plan(
        views=np.maximum(views, lines),
        lists=(luck < 0.55).astype(np.int64) + (luck < 0.12),  # none, one or two
        lines=lines,
        orders=orders,
        dwell_us=(20e6 * np.exp(0.6 * rng.standard_normal(size, np.float32))).astype(np.int64),
        device=np.where(
            rng.random(size, np.float32) < 0.8, people.device[who], other
        ),  # the usual one
    )


@dataclass(frozen=True, slots=True)
class Counters:
    """The first numbers that are free."""

    visits: int = 0
    orders: int = 0


class Floor:
    """The shop floor: turns visits into events."""

    def __init__(self, people: People, shelf: Shelf) -> None:
        """Keep who comes, and what is there to choose from."""
        self.people, self.shelf = people, shelf

    def browse(
        self,
        visits: Visits,
        offer: Offer,
        free: Counters,
        rng: np.random.Generator,
    ) -> tuple[Happenings, Counters]:
        """Return the events of visits, in no order, and the numbers that are free then.

        Args:
            visits: Who comes when, and why.
            offer: What is sold.
            free: Where the numbers of visits and orders begin.
            rng: Random numbers of this chunk.
        """
        plan = _plan(visits, self.people, rng)
        slots = _Slots.of(visits, plan, offer, self.shelf, rng)
        numbers = free.visits + np.arange(len(visits.start_us))
        looks = slots.looks(visits, plan, numbers, rng)
        orders = slots.orders(visits, plan, numbers, free.orders, rng)
        made = int(plan.orders.sum())
        events = stacked(EVENT, [*looks, *orders])
        return Happenings(events, slots.items), Counters(
            free.visits + len(numbers), free.orders + made
        )


@dataclass(frozen=True, slots=True)
class _Slots:
    """One entry per product that a visit comes upon: first those viewed, then those listed."""

    visit: Ints
    position: Ints
    viewed: Flags
    first: Ints  # per visit: its first slot
    ts_us: Ints
    items: Records
    revenue: Ints
    leaf: Codes

    @classmethod
    def of(
        cls, visits: Visits, plan: _Plan, offer: Offer, shelf: Shelf, rng: np.random.Generator
    ) -> Self:
        counts = plan.views + LISTED * plan.lists
        visit, position = ragged(counts)
        first = np.cumsum(counts) - counts
        viewed = position < plan.views[visit]
        bought = viewed & (position >= (plan.views - plan.lines)[visit])
        draws = draw(rng, len(visit))
        customer, week = visits.customer[visit], offer.week(visits.start_us)[visit]
        category = shelf.categories(customer, draws)
        category = np.where(viewed, category, category[first[visit]])  # a list is of one category
        product = shelf.choose(offer, customer, category, week, draws)
        again = (rng.random(len(visit), np.float32) < 0.12) & viewed & ~bought & (position > 0)
        product = np.where(again, np.roll(product, 1), product)
        items = np.zeros(len(visit), ITEM)
        luck = rng.random(len(visit), np.float32)
        quantity = np.where(bought, 1 + (luck < 0.14) + (luck < 0.03), 0)  # one, two or three
        coupon = COUPON_PERCENT * (visits.coupon & plan.orders)[visit]
        price = shelf.products.price_minor[product] * quantity
        discount = price * (offer.percent[week, product] + coupon) // 100
        items["product"], items["quantity"], items["discount"] = product, quantity, discount
        dwell = plan.dwell_us[visit]
        jitter = (rng.random(len(visit), np.float32) * 0.3 * dwell).astype(np.int64)
        ts = visits.start_us[visit] + (position + 1) * dwell + jitter
        return cls(
            visit,
            position,
            viewed,
            first,
            ts,
            items,
            price - discount,
            shelf.products.leaf[product],
        )

    def looks(
        self, visits: Visits, plan: _Plan, numbers: Ints, rng: np.random.Generator
    ) -> list[Records]:
        """Return views of products and lists, and what is put into carts, taken out or wished."""
        dwell, luck = plan.dwell_us[self.visit], rng.random(len(self.visit), np.float32)
        bought = self.items["quantity"] > 0
        added = bought | (self.viewed & (luck < 0.04))
        parts = {
            k.PRODUCT_VIEWED: (self.viewed, 0.0),
            k.PRODUCT_ADDED: (added, 0.4),
            k.PRODUCT_REMOVED: (added & ~bought & (luck < 0.025), 0.6),
            k.PRODUCT_WISHED: (self.viewed & ~added & (luck > 0.96), 0.5),
        }
        found = []
        for kind, (which, later) in parts.items():
            slot = np.flatnonzero(which)
            ts = self.ts_us[slot] + (later * dwell[slot]).astype(np.int64)
            found.append(
                records(
                    kind,
                    ts,
                    **_of_visit(visits, plan, numbers, self.visit[slot]),
                    first=slot,
                    count=1,
                    url=self.items["product"][slot],
                )
            )
        return [*found, self._lists(visits, plan, numbers)]

    def _lists(self, visits: Visits, plan: _Plan, numbers: Ints) -> Records:
        visit, number = ragged(plan.lists)
        first = self.first[visit] + plan.views[visit] + LISTED * number
        # The second list is opened half-way through the products.
        before = number * (plan.views[visit] // 2) * plan.dwell_us[visit]
        ts = visits.start_us[visit] + before + plan.dwell_us[visit] // 8
        given = _of_visit(visits, plan, numbers, visit)
        url = NONE - 1 - self.leaf[first]
        return records(k.PRODUCT_LIST_VIEWED, ts, **given, first=first, count=LISTED, url=url)

    def orders(
        self,
        visits: Visits,
        plan: _Plan,
        numbers: Ints,
        first_order: int,
        rng: np.random.Generator,
    ) -> list[Records]:
        """Return checkouts, orders, coupons, refunds, and requests for help before them."""
        ready = plan.orders | ((plan.lines > 0) & (rng.random(len(plan.lines)) < 0.4))
        visit = np.flatnonzero(ready)
        given = _of_visit(visits, plan, numbers, visit)
        start = visits.start_us[visit] + (plan.views[visit] + 1) * plan.dwell_us[visit]
        lines = plan.lines[visit]
        first = self.first[visit] + plan.views[visit] - lines
        given |= {"first": first, "count": lines}
        checkout = records(k.CHECKOUT_STARTED, start, **given, url=CHECKOUT)
        done = np.flatnonzero(plan.orders[visit])
        order = checkout[done]
        return [checkout, *self._completed(order, visits.coupon[visit[done]], first_order, rng)]

    def _completed(
        self, checkout: Records, coupon: Flags, first_order: int, rng: np.random.Generator
    ) -> list[Records]:
        size, first = len(checkout), checkout["first"]
        end = first + checkout["count"]
        paying_us = rng.integers(_MINUTE_US, 3 * _MINUTE_US, size)
        order = checkout.copy()
        order["kind"], order["url"] = KIND[k.ORDER_COMPLETED], THANKS
        order["ts_us"] += paying_us
        order["order"] = first_order + np.arange(size)
        for name, of_lines in (("value", self.revenue), ("discount", self.items["discount"])):
            sums = np.concatenate([[0], np.cumsum(of_lines, dtype=np.int64)])
            order[name] = sums[end] - sums[first]
        used = order[coupon]
        given = {name: used[name] for name in ("customer", "order", "visit", "campaign", "device")}
        ts = used["ts_us"] - paying_us[coupon] // 2
        redeemed = records(k.COUPON_APPLIED, ts, **given, properties=COUPON)
        return [order, redeemed, *_aftermath(order, rng)]


def _aftermath(order: Records, rng: np.random.Generator) -> list[Records]:
    """Return refunds some days after orders, and requests for help before some of them."""
    back = order[rng.random(len(order)) < REFUNDED]
    wait = rng.integers(2 * DAY_US, 20 * DAY_US, len(back))
    names = ("customer", "order", "value", "discount", "first", "count")
    refund = records(k.ORDER_REFUNDED, back["ts_us"] + wait, **{name: back[name] for name in names})
    helped = rng.random(len(back)) < ASKS_BEFORE
    given = {name: back[name][helped] for name in ("customer", "order")}
    asked = records(k.SUPPORT_OPENED, back["ts_us"][helped] + wait[helped] // 2, **given)
    return [refund, asked]


def _of_visit(
    visits: Visits, plan: _Plan, numbers: Ints, visit: Ints
) -> dict[str, NDArray[np.generic]]:
    return {
        "customer": visits.customer[visit],
        "visit": numbers[visit],
        "campaign": visits.campaign[visit],
        "device": plan.device[visit],
    }
