"""What features need to know of the shop: its clock on the wall, its money, its weights."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from core.clock import DAY_US, from_us
from core.errors import DataError
from core.settings import ENGAGEMENT, Engaging, Settings
from ingest.log import EventLog
from ingest.money import minor_digits

EVENTS_DB: Final = "events.db"
_SECOND: Final = timedelta(seconds=1)
_SECOND_US: Final = 1_000_000
# Clocks change at full quarters of an hour, and have since 1972.
_QUARTER_US: Final = 900 * _SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The shop's settings that features depend on.

    `rates` gives the value of one unit (a euro, not a cent) of a currency in the base currency,
    `currency`; an empty one is right for a shop that has only one. `engagement` says what an
    open, a click and an order count.
    """

    timezone: str = "UTC"
    currency: str = ""
    # A mapping has no hash; shops that differ in these only are unequal all the same.
    rates: Mapping[str, float] = field(default_factory=dict, hash=False)
    engagement: Mapping[Engaging, float] = field(
        default_factory=lambda: dict(ENGAGEMENT), hash=False
    )

    @classmethod
    def of(cls, settings: Settings) -> Shop:
        """Return the shop of the settings; what they leave open the first import has fixed."""
        currency, timezone = _fixed(settings.home / EVENTS_DB)
        return cls(
            timezone=settings.timezone or timezone or "UTC",
            currency=settings.currency or currency,
            rates=dict(settings.rates),
            engagement=ENGAGEMENT | dict(settings.engagement),
        )

    @property
    def digits(self) -> int:
        """Decimal digits of the base currency: 2 for the euro, 0 for the yen."""
        return minor_digits(self.currency) if self.currency else 2

    def factors(self, used: list[str]) -> dict[str, float]:
        """Return what a minor unit of each used currency is worth in minor units of the base.

        Raises:
            DataError: There is no rate for a currency.
        """
        base = self.currency or (used[0] if len(used) == 1 else "")
        rates = {base: 1.0, **self.rates}
        if unknown := [currency for currency in used if currency not in rates]:
            raise DataError(
                f"events are in {used} and there is no rate for {unknown}. Set `currency` (the "
                "base) and `rates` in conf/sendwise.yaml, for example rates: {EUR: 1.08}."
            )
        digits = minor_digits(base)
        return {
            currency: rates[currency] * 10.0 ** (digits - minor_digits(currency))
            for currency in used
        }

    def local_us(self, ts_us: int) -> int:
        """Return an instant as the shop's clock shows it, counted as if that were UTC."""
        return ts_us + _offset_us(self.timezone, ts_us // _QUARTER_US)

    def clock_changes(self, first_us: int, last_us: int) -> list[tuple[int, int]]:
        """Return (from instant, offset) for each offset from UTC between two instants, in order."""
        changes = [(first_us, self.local_us(first_us) - first_us)]
        for day_us in range(first_us + DAY_US, last_us + DAY_US, DAY_US):
            if self.local_us(day_us) - day_us != changes[-1][1]:
                changes.append(self._first_after(day_us - DAY_US, changes[-1][1]))
        return changes

    def _first_after(self, start_us: int, offset: int) -> tuple[int, int]:
        """Return the first quarter of an hour after `start_us` with another offset, and that."""
        quarter = start_us // _QUARTER_US + 1
        while (found := _offset_us(self.timezone, quarter)) == offset:
            quarter += 1
        return quarter * _QUARTER_US, found


@lru_cache(maxsize=65_536)
def _offset_us(timezone: str, quarter: int) -> int:
    offset = from_us(quarter * _QUARTER_US).astimezone(ZoneInfo(timezone)).utcoffset()
    return 0 if offset is None else offset // _SECOND * _SECOND_US


def _fixed(path: Path) -> tuple[str, str]:
    """Return base currency and time zone of the event log, empty without one."""
    if not path.exists():  # opening it would make it
        return "", ""
    with closing(EventLog(path)) as log:
        return log.currency or "", log.timezone or ""
