from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulator.seasons import SALE_FACTOR, YEARLY_WAVE, day_factors, in_sale, weekday


def day(year: int, month: int, of_month: int) -> int:
    return date(year, month, of_month).toordinal() - date(1970, 1, 1).toordinal()


def test_a_usual_year_is_as_busy_as_its_sale_makes_it() -> None:
    factors = day_factors(day(2023, 1, 1), day(2024, 1, 1))

    assert len(factors) == 365
    assert factors.mean() == pytest.approx(1 + 8 * (SALE_FACTOR - 1) / 365, rel=0.02)


def test_the_sale_is_the_end_of_november() -> None:
    first, last = day(2024, 11, 1), day(2024, 12, 10)

    found = np.flatnonzero(in_sale(first, last)) + first

    assert found.tolist() == list(range(day(2024, 11, 23), day(2024, 12, 1)))
    assert day_factors(first, last)[found - first].min() > 1.8


def test_winter_is_busier_than_summer_and_sunday_than_wednesday() -> None:
    factors = day_factors(day(2024, 1, 1), day(2025, 1, 1))

    june, december = factors[day(2024, 6, 3) - day(2024, 1, 1) :][:7], factors[-28:-21]
    assert december.mean() / june.mean() == pytest.approx(
        (1 + YEARLY_WAVE) / (1 - YEARLY_WAVE), rel=0.02
    )
    assert june[6] > 1.2 * june[2]


def test_weekdays_begin_on_monday() -> None:
    assert [int(weekday(np.array(day(2024, 6, 3 + n)))) for n in range(7)] == list(range(7))
