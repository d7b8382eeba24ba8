"""What a simulated shop is made of: its size, its span of time and its seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from core.clock import DAY, DAY_US, to_us
from core.errors import ConfigError

MOST_CUSTOMERS: Final = 10_000_000
MOST_DAYS: Final = 3_650
EVENTS_PER_CUSTOMER: Final = 60.0  # a year, of those who are there all through
_BOUNDS: Final = {
    "customers": (1, MOST_CUSTOMERS),
    "days": (1, MOST_DAYS),
    "seed": (0, 2**63 - 1),
    "events_per_customer": (1, 1_000),
}
_EVENTS_AT_A_TIME: Final = 200_000
_LONGEST_CHUNK: Final = 28  # days: what is launched is seen at the next chunk

CURRENCY: Final = "EUR"
TIMEZONE: Final = "Europe/Berlin"  # the shop's

# The streams of random numbers. One more never changes the others.
PRODUCTS, PEOPLE, CHUNKS = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The same parameters give the same shop, bit by bit.

    Events lie in [as_of - days, as_of). `events_per_customer` is what a customer does and gets in
    a year, on average; who comes later or leaves has a part of it. It scales visits, orders and
    the audiences of mailings alike.
    """

    customers: int
    days: int
    seed: int
    as_of: datetime
    events_per_customer: float = EVENTS_PER_CUSTOMER

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                option = f"--{name.replace('_', '-')}"
                raise ConfigError(f"{option} must be between {least:,} and {most:,}, got {value:,}")
        to_us(self.as_of)

    @property
    def start_us(self) -> int:
        """The first instant of the simulation."""
        return to_us(self.as_of - self.days * DAY)

    @property
    def end_us(self) -> int:
        """The instant after the last."""
        return to_us(self.as_of)

    @property
    def scale(self) -> float:
        """How busy the shop is, against the usual one."""
        return self.events_per_customer / EVENTS_PER_CUSTOMER

    def chunks(self) -> list[tuple[int, int]]:
        """Return the spans of UTC days [first, last) that are simulated at a time.

        Long enough that the work is done on long columns, short enough that memory is bounded.
        """
        first, last = self.start_us // DAY_US, -(-self.end_us // DAY_US)
        a_day = self.customers * self.events_per_customer / 365
        length = int(min(max(_EVENTS_AT_A_TIME // a_day, 1), _LONGEST_CHUNK))
        return [(day, min(day + length, last)) for day in range(first, last, length)]

    def random(self, stream: int, number: int = 0) -> np.random.Generator:
        """Return the random numbers of one part of the work, whatever ran before it."""
        seeds = np.random.SeedSequence(self.seed, spawn_key=(stream, number))
        return np.random.Generator(np.random.SFC64(seeds))
