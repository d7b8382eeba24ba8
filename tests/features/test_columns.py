from __future__ import annotations

from typing import Any

import duckdb
import ibis
import pytest

from core.clock import DAY_US
from features.columns import Clock, exchange, exchanged, local_days, local_us, whole
from features.row import Happening
from features.shop import Shop

ROWS = ibis.table({"ts_us": "int64", "value_minor": "int64", "currency": "string"}, name="given")


def worked_out(column: Any, ts_us: int = 0, value: int = 0, currency: str = "EUR") -> Any:  # noqa: ANN401  # a cell
    given = (
        f"SELECT {ts_us}::BIGINT AS ts_us, {value}::BIGINT AS value_minor, '{currency}' AS currency"
    )
    query = ibis.to_sql(ROWS.select(found=column), dialect="duckdb")
    return duckdb.execute(f"WITH given AS ({given}) {query}").fetchall()[0][0]


@pytest.mark.parametrize("value", [1, 5, -5, 50, 999, -1, 0])
def test_money_is_rounded_alike_halves_away_from_zero(value: int) -> None:
    shop = Shop(currency="EUR", rates={"USD": 0.5})
    clock = Clock(shop=shop, factors=(("EUR", 1.0), ("USD", 0.5)))
    row = Happening("Order Completed", 0, value_minor=value, currency="USD")

    in_sql = worked_out(exchanged("value_minor")(ROWS, clock), value=value, currency="USD")

    assert in_sql == exchange("value_minor")(shop)(row)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York"])
@pytest.mark.parametrize("hours", range(0, 24 * 366, 1_337))
def test_the_clock_on_the_wall_is_the_same(zone: str, hours: int) -> None:
    start = 1_700_000_000_000_000
    shop, ts_us = Shop(timezone=zone), start + hours * 3_600_000_000
    clock = Clock(shop=shop, changes=tuple(shop.clock_changes(start, start + 367 * DAY_US)))

    assert worked_out(local_us(ROWS, clock), ts_us=ts_us) == shop.local_us(ts_us)
    assert worked_out(local_days(ROWS, clock), ts_us=ts_us) == shop.local_us(ts_us) // DAY_US


@pytest.mark.parametrize("day", [19_000, 84_000])
def test_a_microsecond_before_midnight_is_still_the_day(day: int) -> None:
    assert worked_out(whole(ROWS.ts_us, DAY_US), ts_us=day * DAY_US - 1) == day - 1
    assert worked_out(whole(ROWS.ts_us, DAY_US), ts_us=day * DAY_US) == day
