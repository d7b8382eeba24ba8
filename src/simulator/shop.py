"""A whole shop, simulated chunk by chunk and written as a workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.clock import DAY_US
from simulator.arrays import stacked
from simulator.arrivals import Deliveries, received
from simulator.assortment import Assortment, catalogue, draw_assortment, products_truth
from simulator.choices import Shelf
from simulator.demand import Demand
from simulator.happenings import EVENT, ITEM, KINDS, Happenings
from simulator.mailings import Campaign, Mailings, campaigns
from simulator.parameters import CHUNKS, Parameters
from simulator.parts import write_all, write_days, write_table
from simulator.people import People, draw_people
from simulator.people_tables import consents, customers, people_truth
from simulator.places import Clocks
from simulator.tables import Tables, event_ids, event_numbers
from simulator.truth import Ledger, shop_truth
from simulator.visits import Counters, Floor, Visits


@dataclass(slots=True)
class Report:
    """What was made."""

    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    items: int = 0
    twice: int = 0  # deliveries of events that had been delivered
    customers: int = 0  # who said who they are
    products: int = 0
    campaigns: int = 0

    @property
    def total(self) -> int:
        """All events."""
        return sum(self.events.values())


def simulate(
    parameters: Parameters,
    lake: Path,
    truth: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Simulate a shop and write its lake, and beside it what is true of it.

    Memory grows with the customers and not with the days: they are simulated a few at a time.

    Args:
        parameters: The shop; the same ones give the same files, bit by bit.
        lake: An empty folder for events, items, catalogue, customers and consents.
        truth: An empty folder for what models can be held against.
        progress: Called with the number of days that are done.
    """
    run = _Run(parameters, lake, truth)
    for number, (first, last) in enumerate(parameters.chunks()):
        run.chunk(number, first, last)
        if progress:
            progress(last - first)
    return run.finish()


class _Run:
    """One simulation on its way through time."""

    def __init__(self, parameters: Parameters, lake: Path, truth: Path) -> None:
        self.parameters, self.lake, self.truth = parameters, lake, truth
        self.products: Assortment = draw_assortment(parameters)
        self.people: People = draw_people(parameters)
        clocks = Clocks(parameters.start_us // DAY_US - 1, parameters.end_us // DAY_US + 30)
        self.demand = Demand(parameters, self.people, clocks)
        self.mailings = Mailings(parameters, self.people, clocks)
        self.shelf = Shelf(self.products, self.people, parameters.seed)
        self.floor = Floor(self.people, self.shelf)
        self.campaigns: list[Campaign] = campaigns(parameters)
        names = [each.campaign_id for each in self.campaigns]
        self.tables = Tables(self.people, self.products, names, parameters.seed)
        self.ledger = Ledger(truth, names)
        self.deliveries = Deliveries()
        self.free = Counters()
        self.waiting = Happenings(np.empty(0, EVENT), np.empty(0, ITEM))
        self.report = Report(products=len(self.products), campaigns=len(names))

    def chunk(self, number: int, first: int, last: int) -> None:
        """Simulate the days [first, last) and write what happened on them."""
        rng = self.parameters.random(CHUNKS, number)
        visits, mails = [self.demand.visits(first, last, rng)], []
        for campaign in self.campaigns:
            if first <= campaign.sent_us // DAY_US < last:
                mailed = self.mailings.send(campaign, rng)
                self.ledger.assign(campaign, mailed.assigned)
                mails += mailed.events
                visits.append(mailed.visits)
        offer = self.shelf.offer(first, last)
        shopped, self.free = self.floor.browse(Visits.joined(visits), offer, self.free, rng)
        by_mail = Happenings(stacked(EVENT, mails), np.empty(0, ITEM))
        until = min(last * DAY_US, self.parameters.end_us)
        everything = Happenings.joined([self.waiting, shopped, by_mail])
        now, self.waiting = everything.split(self.parameters.start_us, until)
        self._write(now, first, last, rng)

    def _write(self, now: Happenings, first: int, last: int, rng: np.random.Generator) -> None:
        ts = np.ascontiguousarray(now.events["ts_us"])
        numbers, received_us = event_numbers(ts), received(ts, rng)
        ids = event_ids(numbers)
        events = self.tables.events(now.events, ids, received_us)
        items = self.tables.items(now, numbers)
        days = range(first, last)
        write_days(self.lake / "events", events, ts, days)
        write_days(self.lake / "items", items, items.column("ts_us").to_numpy(), days)
        self.deliveries.add(numbers, received_us, rng)
        self._write_deliveries(days)
        counts = np.bincount(now.events["kind"], minlength=len(KINDS)).tolist()
        for kind, count in zip(KINDS, counts, strict=True):
            self.report.events[kind] += count
        self.report.items += len(items)

    def _write_deliveries(self, days: range) -> None:
        numbers, instants = self.deliveries.until(days.stop * DAY_US)
        table = pa.table({"event_id": event_ids(numbers), "received_us": instants})
        write_days(self.truth / "deliveries", table, instants, days)

    def finish(self) -> Report:
        """Write what is known at the end only."""
        end_us, people = self.parameters.end_us, self.people
        last = self.parameters.chunks()[-1][1]
        if len(self.deliveries.received_us):  # under way when the simulation ended
            latest = int(self.deliveries.received_us.max()) // DAY_US
            self._write_deliveries(range(last, latest + 1))
        write_table(catalogue(self.products, self.parameters), self.lake / "catalogue.parquet")
        known = customers(people, end_us)
        self.report.customers = write_all(known, self.lake / "customers.parquet")
        write_all(consents(people, self.mailings.left, end_us), self.lake / "consents.parquet")
        write_all(people_truth(people, self.parameters.seed), self.truth / "customers.parquet")
        write_table(products_truth(self.products), self.truth / "products.parquet")
        self.report.twice = self.deliveries.twice
        self.ledger.close()
        shop_truth(self.parameters, people, self.ledger, self.truth)
        return self.report
