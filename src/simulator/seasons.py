"""How busy a day is: the wave of the year, the days of the week, and the sale of late November."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.clock import EPOCH

YEARLY_WAVE: Final = 0.15  # height of the wave, highest in early December
WEEKDAYS: Final = (1.0, 0.95, 0.92, 0.95, 0.98, 1.05, 1.15)  # Monday to Sunday; mean 1
SALE_FACTOR: Final = 2.2
SALE_DAYS: Final = 8
_CREST: Final = 340  # day of the year


def day_factors(first_day: int, last_day: int) -> NDArray[np.float64]:
    """Return how busy each day in [first_day, last_day) is, against a usual one of 1."""
    days = np.arange(first_day, last_day)
    calendar = [EPOCH + timedelta(days=int(day)) for day in days]
    of_year = np.array([date.timetuple().tm_yday for date in calendar])
    wave = 1 + YEARLY_WAVE * np.cos(2 * np.pi * (of_year - _CREST) / 365.25)
    weekly = np.array(WEEKDAYS)[weekday(days)]
    factors: NDArray[np.float64] = wave * weekly
    return factors * np.where(in_sale(first_day, last_day), SALE_FACTOR, 1.0)


def in_sale(first_day: int, last_day: int) -> NDArray[np.bool_]:
    """Say of each day in [first_day, last_day) whether it is one of the sale."""
    calendar = [EPOCH + timedelta(days=day) for day in range(first_day, last_day)]
    return np.array([d.month == 11 and d.day > 30 - SALE_DAYS for d in calendar], bool)


def weekday(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the weekdays of days counted from 1970, a Thursday; Monday is 0."""
    return (days + 3) % 7
