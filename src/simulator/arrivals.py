"""How events reach the shop: most within seconds, some late by hours or days, some twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from core.clock import DAY_US
from simulator.arrays import Ints, stable_order

LATE_HOURS: Final = 0.02  # share of the events that arrive within half a day
LATE_DAYS: Final = 0.004  # within four days
TWICE: Final = 0.01  # share of the events that are delivered again
_SECOND_US: Final = 1_000_000
_HOUR_US: Final = 3_600 * _SECOND_US


def received(ts_us: Ints, rng: np.random.Generator) -> Ints:
    """Return when each event is first received, always after it happened."""
    lag = (1.5 * _SECOND_US * rng.standard_exponential(len(ts_us), np.float32)).astype(np.int64)
    lag += 20_000
    luck = rng.random(len(ts_us), np.float32)
    days = np.flatnonzero(luck < LATE_DAYS)
    hours = np.flatnonzero((luck >= LATE_DAYS) & (luck < LATE_DAYS + LATE_HOURS))
    lag[hours] = rng.integers(_HOUR_US // 12, 12 * _HOUR_US, len(hours))
    lag[days] = rng.integers(12 * _HOUR_US, 4 * DAY_US, len(days))
    return ts_us + lag


@dataclass(slots=True)
class Deliveries:
    """Every delivery in the order of arrival; holds those that are still under way."""

    numbers: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    received_us: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    twice: int = 0

    def add(self, numbers: Ints, received_us: Ints, rng: np.random.Generator) -> None:
        """Take in the first deliveries of events, and deliver some of them again."""
        again = np.flatnonzero(rng.random(len(numbers), np.float32) < TWICE)
        wait = (1_200 * _SECOND_US * rng.standard_exponential(len(again))).astype(np.int64) + 1
        self.twice += len(again)
        self.numbers = np.concatenate([self.numbers, numbers, numbers[again]])
        self.received_us = np.concatenate(
            [self.received_us, received_us, received_us[again] + wait]
        )

    def until(self, until_us: int) -> tuple[Ints, Ints]:
        """Return numbers and instants of what arrived before `until_us`, and forget them."""
        there = self.received_us < until_us
        numbers, instants = self.numbers[there], self.received_us[there]
        self.numbers, self.received_us = self.numbers[~there], self.received_us[~there]
        order = stable_order(instants)
        return numbers[order], instants[order]
