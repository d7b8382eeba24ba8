"""Where customers live, and what the clock on their wall says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US, EPOCH, MICROSECOND
from simulator.arrays import Ints


class Place(NamedTuple):
    """A city; `share` is its part of the customers, before all shares are made to sum to 1."""

    country: str
    region: str
    city: str
    locale: str
    timezone: str
    share: float


PLACES: Final = (
    Place("DE", "Berlin", "Berlin", "de-DE", "Europe/Berlin", 9),
    Place("DE", "Bayern", "München", "de-DE", "Europe/Berlin", 8),
    Place("DE", "Hamburg", "Hamburg", "de-DE", "Europe/Berlin", 6),
    Place("DE", "Sachsen", "Leipzig", "de-DE", "Europe/Berlin", 4),
    Place("DE", "Hessen", "Frankfurt", "de-DE", "Europe/Berlin", 4),
    Place("AT", "Wien", "Wien", "de-AT", "Europe/Vienna", 5),
    Place("AT", "Steiermark", "Graz", "de-AT", "Europe/Vienna", 2),
    Place("NL", "Noord-Holland", "Amsterdam", "nl-NL", "Europe/Amsterdam", 5),
    Place("NL", "Zuid-Holland", "Rotterdam", "nl-NL", "Europe/Amsterdam", 3),
    Place("FR", "Île-de-France", "Paris", "fr-FR", "Europe/Paris", 7),
    Place("FR", "Auvergne-Rhône-Alpes", "Lyon", "fr-FR", "Europe/Paris", 4),
    Place("ES", "Madrid", "Madrid", "es-ES", "Europe/Madrid", 4),
    Place("ES", "Canarias", "Las Palmas", "es-ES", "Atlantic/Canary", 1),
    Place("PT", "Lisboa", "Lisboa", "pt-PT", "Europe/Lisbon", 2),
    Place("GB", "England", "London", "en-GB", "Europe/London", 7),
    Place("GB", "Scotland", "Glasgow", "en-GB", "Europe/London", 3),
    Place("IE", "Leinster", "Dublin", "en-IE", "Europe/Dublin", 2),
    Place("FI", "Uusimaa", "Helsinki", "fi-FI", "Europe/Helsinki", 2),
    Place("GR", "Attiki", "Athina", "el-GR", "Europe/Athens", 2),
    Place("PL", "Mazowieckie", "Warszawa", "pl-PL", "Europe/Warsaw", 4),
)
# A column's words must differ; regions and cities do.
COUNTRIES: Final = tuple(dict.fromkeys(place.country for place in PLACES))
COUNTRY: Final = np.array([COUNTRIES.index(place.country) for place in PLACES], np.uint8)
SHARES: Final = np.array([place.share for place in PLACES]) / sum(p.share for p in PLACES)


class Clocks:
    """The clocks on the walls of all places, for the days of a simulation."""

    def __init__(self, first_day: int, last_day: int) -> None:
        """Read the time zones for days counted from 1970; others take the nearest of them."""
        self._first = first_day
        days = range(first_day, last_day + 1)
        found = {
            name: [_offset_us(ZoneInfo(name), day) for day in days]
            for name in sorted({place.timezone for place in PLACES})
        }
        self._offsets: NDArray[np.int64] = np.array([found[place.timezone] for place in PLACES])

    def offset_us(self, place: NDArray[np.uint8], day: Ints) -> Ints:
        """Return how far the clocks of places are ahead of UTC at noon of days."""
        column = np.clip(day - self._first, 0, self._offsets.shape[1] - 1)
        return self._offsets[place, column]

    def at_hour(self, place: NDArray[np.uint8], day: Ints, hour: NDArray[np.float32]) -> Ints:
        """Return the instants at which the clock of each place says `hour` on the local day.

        Hours before 0 or from 24 on are those of the same day: a habit at midnight has two ends.
        """
        within = (hour.astype(np.float64) % 24 * 3.6e9).astype(np.int64)
        return day * DAY_US + np.minimum(within, DAY_US - 1) - self.offset_us(place, day)

    def local_day(self, place: NDArray[np.uint8], ts_us: Ints) -> Ints:
        """Return the day on the calendar of each place, counted from 1970."""
        return (ts_us + self.offset_us(place, ts_us // DAY_US)) // DAY_US


def _offset_us(zone: ZoneInfo, day: int) -> int:
    noon: datetime = EPOCH + timedelta(days=day, hours=12)
    offset = noon.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101  # an aware instant has one
    return offset // MICROSECOND
