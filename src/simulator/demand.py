"""Who comes when: visits without a plan, and orders that are due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from simulator.arrays import Ints, weighted
from simulator.parameters import PEOPLE, Parameters
from simulator.people import People
from simulator.places import Clocks
from simulator.seasons import day_factors, weekday
from simulator.visits import BROWSING, PLANNED, Visits

_NEVER_US: Final = 2**62
_SHORTEST_GAP: Final = 0.5  # days
_FIRST_DUE: Final = 1_000_000  # the stream of numbers after those of the blocks of people


@dataclass(slots=True)
class Demand:
    """What brings customers to the shop of their own will; remembers what is due next."""

    parameters: Parameters
    people: People
    clocks: Clocks
    due_us: Ints = field(init=False)  # per customer, the next planned order
    _rates: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        people, rng = self.people, self.parameters.random(PEOPLE, _FIRST_DUE)
        start = self.parameters.start_us
        # Those who were there before are somewhere within a gap; newcomers come to order.
        part = rng.random(len(people)) * people.gap_days * DAY_US
        due = np.where(
            people.identified_us < start, start + part.astype(np.int64), people.identified_us
        )
        self.due_us = np.where(due < people.lapse_us, due, _NEVER_US)
        self._rates = np.cumsum(people.visit_rate, dtype=np.float64)

    def visits(self, first_day: int, last_day: int, rng: np.random.Generator) -> Visits:
        """Return the visits that begin in [first_day, last_day), or are put off from there."""
        return Visits.joined(
            [
                self._first(first_day, last_day),
                self._unplanned(first_day, last_day, rng),
                self._planned(first_day, last_day, rng),
            ]
        )

    def _first(self, first_day: int, last_day: int) -> Visits:
        """Return the visits of those who come for the first time."""
        arrival_us = self.people.arrival_us
        new = (arrival_us >= first_day * DAY_US) & (arrival_us < last_day * DAY_US)
        who = np.flatnonzero(new)
        return Visits.of(arrival_us[who], who.astype(np.int32), BROWSING)

    def _unplanned(self, first_day: int, last_day: int, rng: np.random.Generator) -> Visits:
        people, factors = self.people, day_factors(first_day, last_day)
        number = int(rng.poisson(self._rates[-1] * factors.sum()))
        who = weighted(rng, self._rates, number)
        days = np.cumsum(factors)
        day = first_day + np.searchsorted(days, rng.random(number) * days[-1], side="right")
        day = np.minimum(day, last_day - 1)
        waits = rng.random(number, np.float32) < people.weekday_habit[who]
        day = np.where(waits, day + (people.weekday[who] - weekday(day)) % 7, day)
        ts = self._at_habit(who, day, rng)
        ts = np.where(ts < first_day * DAY_US, ts + DAY_US, ts)  # the day before is written
        there = (ts >= people.arrival_us[who]) & (ts < people.lapse_us[who])
        return Visits.of(ts[there], who[there].astype(np.int32), BROWSING)

    def _planned(self, first_day: int, last_day: int, rng: np.random.Generator) -> Visits:
        people, factors = self.people, day_factors(first_day, last_day)
        found, until = [], last_day * DAY_US
        who = np.flatnonzero(self.due_us < until)
        while len(who):
            due = self.due_us[who]
            day = self.clocks.local_day(people.place[who], due)
            ts = self._at_habit(who, day, rng)
            least = np.maximum(first_day * DAY_US, people.identified_us[who])
            ts = np.where(ts < least, ts + DAY_US, ts)
            ts = np.where(due == people.identified_us[who], due, ts)  # says who it is by ordering
            found.append(Visits.of(ts, who.astype(np.int32), PLANNED))
            shape = people.regularity[who]
            gap = people.gap_days[who] * rng.standard_gamma(shape) / shape
            gap /= factors[np.clip(due // DAY_US - first_day, 0, len(factors) - 1)]
            after = due + (np.maximum(gap, _SHORTEST_GAP) * DAY_US).astype(np.int64)
            self.due_us[who] = np.where(after < people.lapse_us[who], after, _NEVER_US)
            who = who[self.due_us[who] < until]
        return Visits.joined(
            found or [Visits.of(np.empty(0, np.int64), np.empty(0, np.int32), PLANNED)]
        )

    def _at_habit(self, who: Ints, day: Ints, rng: np.random.Generator) -> Ints:
        """Return an instant of the local days at an hour that is usual for each customer."""
        people = self.people
        off = people.browse_spread[who] * rng.standard_normal(len(who), np.float32)
        return self.clocks.at_hour(people.place[who], day, people.browse_hour[who] + off)
