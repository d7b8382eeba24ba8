from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import to_us
from core.errors import DataError
from core.settings import load_settings
from features.shop import Shop

ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
YEAR = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
SECONDS = st.integers(0, 366 * 86_400 - 1)


def by_zoneinfo(timezone: str, instant: datetime) -> int:
    return to_us(instant.astimezone(ZoneInfo(timezone)).replace(tzinfo=UTC))


@given(st.sampled_from(ZONES), SECONDS)
def test_local_time_is_that_of_zoneinfo(timezone: str, second: int) -> None:
    instant = YEAR[0] + timedelta(seconds=second)

    assert Shop(timezone=timezone).local_us(to_us(instant)) == by_zoneinfo(timezone, instant)


@given(st.sampled_from(ZONES), SECONDS)
def test_clock_changes_give_the_same_local_time(timezone: str, second: int) -> None:
    instant = YEAR[0] + timedelta(seconds=second)
    changes = Shop(timezone=timezone).clock_changes(to_us(YEAR[0]), to_us(YEAR[1]))

    offset = [value for at_us, value in changes if at_us <= to_us(instant)][-1]

    assert to_us(instant) + offset == by_zoneinfo(timezone, instant)


@pytest.mark.parametrize(
    ("timezone", "moments", "minutes"),
    [
        ("UTC", [], [0]),
        ("Asia/Kathmandu", [], [345]),
        ("Europe/Berlin", ["2024-03-31T01:00", "2024-10-27T01:00"], [60, 120, 60]),
        ("Australia/Lord_Howe", ["2024-04-06T15:00", "2024-10-05T15:30"], [660, 630, 660]),
    ],
)
def test_clocks_change_at_the_instants_of_the_law(
    timezone: str, moments: list[str], minutes: list[int]
) -> None:
    changes = Shop(timezone=timezone).clock_changes(*map(to_us, YEAR))

    expected = [YEAR[0], *(datetime.fromisoformat(f"{each}+00:00") for each in moments)]
    assert [at_us for at_us, _ in changes] == [to_us(each) for each in expected]
    assert [offset // 60_000_000 for _, offset in changes] == minutes


def test_a_minor_unit_is_worth_its_part_of_the_rate() -> None:
    shop = Shop(currency="EUR", rates={"USD": 0.9, "JPY": 0.006, "KWD": 3.0})

    # A yen has no hundredth, a dinar has a thousandth.
    expected = {"EUR": 1.0, "JPY": 0.6, "KWD": 0.3, "USD": 0.9}
    assert shop.factors(["EUR", "JPY", "KWD", "USD"]) == pytest.approx(expected)


def test_one_currency_needs_no_rate_and_two_do() -> None:
    assert Shop().factors(["CHF"]) == {"CHF": 1.0}
    with pytest.raises(DataError, match=r"no rate for \['CHF', 'EUR'\]"):
        Shop().factors(["CHF", "EUR"])


def test_a_shop_without_a_log_has_the_settings_alone(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)

    assert Shop.of(settings).timezone == (settings.timezone or "UTC")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("", 2)])
def test_digits_are_those_of_the_base_currency(currency: str, digits: int) -> None:
    assert Shop(currency=currency).digits == digits
