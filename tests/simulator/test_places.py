from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.clock import DAY_US, from_us, to_us
from simulator.places import COUNTRIES, COUNTRY, PLACES, SHARES, Clocks

FIRST, LAST = (date(2024, month, 1).toordinal() - date(1970, 1, 1).toordinal() for month in (3, 12))
CLOCKS = Clocks(FIRST, LAST)
LONDON = next(n for n, place in enumerate(PLACES) if place.city == "London")


@pytest.mark.parametrize("place", range(len(PLACES)), ids=lambda n: PLACES[n].city)
@pytest.mark.parametrize("month", [3, 7, 11])
def test_a_clock_says_the_hour_asked_for(place: int, month: int) -> None:
    day = date(2024, month, 15).toordinal() - date(1970, 1, 1).toordinal()

    ts = CLOCKS.at_hour(np.array([place], np.uint8), np.array([day]), np.array([20.5], np.float32))

    local = from_us(int(ts[0])).astimezone(ZoneInfo(PLACES[place].timezone))
    assert local.replace(tzinfo=None) == datetime(2024, month, 15, 20, 30)


@pytest.mark.parametrize("hour", [-1.5, 22.5, 46.5])
def test_hours_beyond_midnight_are_those_of_the_same_day(hour: float) -> None:
    place, day = np.array([LONDON], np.uint8), np.array([FIRST])

    ts = CLOCKS.at_hour(place, day, np.array([hour], np.float32))

    assert ts[0] - FIRST * DAY_US == 22.5 * 3_600_000_000
    assert CLOCKS.local_day(place, ts).tolist() == [FIRST]


def test_the_local_day_is_that_of_the_wall() -> None:
    evening = to_us(datetime(2024, 7, 1, 23, 30, tzinfo=UTC))  # half past midnight in London

    assert CLOCKS.local_day(np.array([LONDON], np.uint8), np.array([evening]))[0] == (
        evening // DAY_US + 1
    )


def test_words_of_places_differ_and_shares_are_whole() -> None:
    assert SHARES.sum() == pytest.approx(1)
    assert [COUNTRIES[code] for code in COUNTRY] == [place.country for place in PLACES]
    for words in (COUNTRIES, [p.region for p in PLACES], [p.city for p in PLACES]):
        assert len(set(words)) == len(words)
