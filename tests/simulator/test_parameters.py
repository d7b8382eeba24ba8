from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from core.clock import DAY_US, to_us
from core.errors import ConfigError
from simulator.parameters import CHUNKS, PEOPLE, Parameters

GIVEN: dict[str, Any] = {
    "customers": 1_000,
    "days": 30,
    "seed": 1,
    "as_of": datetime(2024, 3, 1, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"customers": 0}, "--customers must be between 1 and 10,000,000, got 0"),
        ({"customers": 10_000_001}, "--customers"),
        ({"days": 0}, "--days must be between 1 and 3,650"),
        ({"days": 3_651}, "--days"),
        ({"seed": -1}, "--seed"),
        ({"events_per_customer": 0.5}, "--events-per-customer"),
        ({"events_per_customer": float("nan")}, "--events-per-customer"),
        ({"as_of": datetime(2024, 3, 1)}, "time zone"),
    ],
)
def test_what_is_out_of_bounds_is_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Parameters(**{**GIVEN, **wrong})


def test_events_lie_in_the_days_before_as_of() -> None:
    parameters = Parameters(**GIVEN)

    assert parameters.end_us == to_us(GIVEN["as_of"])
    assert parameters.end_us - parameters.start_us == 30 * DAY_US


@pytest.mark.parametrize("customers", [1, 50_000, 10_000_000])
def test_chunks_cover_every_day_once(customers: int) -> None:
    as_of = datetime(2024, 3, 1, 6, 30, tzinfo=UTC)
    parameters = Parameters(**{**GIVEN, "customers": customers, "as_of": as_of})

    days = [day for first, last in parameters.chunks() for day in range(first, last)]

    assert days == list(range(parameters.start_us // DAY_US, parameters.end_us // DAY_US + 1))


def test_the_more_customers_the_fewer_days_at_a_time() -> None:
    few, many = (
        Parameters(**{**GIVEN, "customers": customers, "days": 100}).chunks()[0]
        for customers in (100, 1_000_000)
    )

    assert few[1] - few[0] == 28
    assert many[1] - many[0] == 1


def test_each_stream_and_part_has_numbers_of_its_own() -> None:
    parameters = Parameters(**GIVEN)

    def first(*stream: int) -> float:
        return float(parameters.random(*stream).random())

    assert first(CHUNKS, 3) == first(CHUNKS, 3)
    assert len({first(CHUNKS, 0), first(CHUNKS, 1), first(PEOPLE, 0)}) == 3
    other = Parameters(**{**GIVEN, "seed": 2, "as_of": GIVEN["as_of"] + timedelta(0)})
    assert not np.isclose(float(other.random(CHUNKS).random()), first(CHUNKS))
