"""When to send to a customer: the hour and the weekday at which they read, as far as that is known.

The reading hours of a customer are shrunk towards those of customers alike, and these towards the
shop's (Dirichlet pseudo-counts). The hour to send at is the one after which mail is read soonest:
that begins the `WITHIN` hours which hold most of them. The model holds profiles and pseudo-counts
only; what it knows of a customer comes with the frame (`features.reading.with_reading`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import MissingColumnsError
from features.feature import names
from features.reading import COLUMNS, HOURS, MAILED_DAYS, READ_DAYS, READ_HOURS
from features.registry import SEND_TIME

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WITHIN: Final = 3  # hours from the sending in which a mail is to be read: the middle one and +-1
BEST_HOUR: Final = "best_hour"  # 0-23, on the customer's clock
BEST_HOUR_SHARE: Final = "best_hour_share"  # of what they read, within `WITHIN` hours from it
BEST_WEEKDAY: Final = "best_weekday"  # 0 Monday to 6 Sunday
OUTPUTS: Final = (BEST_HOUR, BEST_HOUR_SHARE, BEST_WEEKDAY)
FEATURES: Final = (*names(SEND_TIME), *COLUMNS)

# Customers alike: those who order at the same time of the day, six hours each.
GROUPS: Final = ("no habit", "night", "morning", "afternoon", "evening")
_ORDER_HOUR, _ORDER_STRENGTH = names(SEND_TIME)
_HABIT: Final = 0.5  # of the strength: below, orders come at any time
_MODEL: Final = "send_time.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinkage:
    """How much a customer's own reads count against what is usual; found by later reads.

    Attributes:
        hours: Reads' worth of the group's hours that every customer begins with.
        spread: Hours around which a read is spread on the clock, a standard deviation.
        group: Reads' worth of the shop's hours that every group begins with; inf: no groups.
        weekdays: Reads' worth of the shop's weekdays; inf: everybody is like the shop.
        rate: Reads' worth of the shop's rate of reading.
        least: Reads, rounded up, from which on a customer has an hour of their own.
    """

    hours: float = 1.0
    spread: float = 1.5
    group: float = np.inf
    weekdays: float = np.inf
    rate: float = 3.0
    least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTime:
    """Profiles of the shop and what to make of a customer's reads beside them.

    Attributes:
        profiles: Shape (len(GROUPS), 24): shares of reads by hour, per group.
        shop: Shape (24,): the same of all.
        delays: Shape (24,): how much likelier mail is read so many hours after it came.
        weekdays: Shape (7,): rate of mails read within a day by weekday of delivery, Monday
            first; nan where the shop hardly mails.
        shrinkage: Pseudo-counts.
        personal: False: everybody gets the shop's hour, which is the baseline.
    """

    kind: ClassVar[str] = "send-time"
    profiles: Floats
    shop: Floats
    delays: Floats
    weekdays: Floats
    shrinkage: Shrinkage
    personal: bool = True

    @property
    def shop_hour(self) -> int:
        """The hour to send at where nothing is known of a customer."""
        return int(within(self.shop).argmax())

    @property
    def tells_weekdays(self) -> bool:
        """Whether the shop has mailed on two weekdays at least: one cannot be compared."""
        return int(np.isfinite(self.weekdays).sum()) > 1

    def baseline(self) -> Self:
        """Return the rule to beat: the shop's best hour and weekday for everybody."""
        return replace(self, personal=False)

    def hours(self, reads: Floats, group: Ints) -> Floats:
        """Return the shares of each customer's reads by hour, shape (n, 24), of counts so far."""
        if not self.personal:
            return np.broadcast_to(self.shop, reads.shape)
        own = reads @ around_the_clock(self.shrinkage.spread)
        prior = self.shrinkage.hours
        shares: Floats = (own + prior * self.profiles[group]) / (
            prior + reads.sum(axis=1, keepdims=True)
        )
        return shares

    def best_hours(self, reads: Floats, group: Ints) -> tuple[Floats, Floats]:
        """Return the hour to send at, and the share read within `WITHIN` hours; nan: too little."""
        shares = within(self.hours(reads, group))
        best, share = shares.argmax(axis=1).astype(np.float64), shares.max(axis=1)
        unknown = self._unknown(reads)
        best[unknown] = share[unknown] = np.nan
        return best, share

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `OUTPUTS` for each row; nan where not enough is known, see `reasons`.

        Raises:
            MissingColumnsError: A column of `FEATURES` is not there.
        """
        reads = _values(frame, READ_HOURS)
        best, share = self.best_hours(reads, groups_of(frame))
        weekday = self._weekdays(_values(frame, MAILED_DAYS), _values(frame, READ_DAYS))
        weekday[np.isnan(best)] = np.nan
        return pd.DataFrame(
            {BEST_HOUR: best, BEST_HOUR_SHARE: share, BEST_WEEKDAY: weekday}, index=frame.index
        )

    def reasons(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Say for each output that is nan why it is; empty where there is a value."""
        reads = _values(frame, READ_HOURS)
        total = counted(reads)
        few = np.where(
            total == 0,
            "no mail opened or clicked by a person yet",
            f"fewer than {self.shrinkage.least} mails read: too few to tell a habit",
        )
        why = np.where(self._unknown(reads), few, "")
        one_day = "" if self.tells_weekdays else "the shop mails on one weekday only"
        columns = dict.fromkeys((BEST_HOUR, BEST_HOUR_SHARE), why)
        columns[BEST_WEEKDAY] = np.where(why == "", one_day, why)
        return pd.DataFrame(columns, index=frame.index, dtype=object)

    def _unknown(self, reads: Floats) -> NDArray[np.bool_]:
        if not self.personal:
            return np.zeros(len(reads), dtype=bool)
        return counted(reads) < self.shrinkage.least

    def _weekdays(self, mailed: Floats, read: Floats) -> Floats:
        if not self.tells_weekdays:
            return np.full(len(mailed), np.nan)
        best: Ints = np.nanargmax(self.rates(mailed, read), axis=1)
        return best.astype(np.float64)

    def rates(self, mailed: Floats, read: Floats) -> Floats:
        """Return how often each customer reads within a day by weekday of delivery, shape (n, 7).

        Who reads much reads much on the days they are mailed on; so a customer's mails of a
        weekday are compared with what was to be expected of that customer, and that comparison
        is shrunk towards none. Weekdays the shop hardly mails on are nan.
        """
        if not self.personal:
            return np.broadcast_to(self.weekdays, mailed.shape)
        usual = np.nan_to_num(self.weekdays)
        expected = mailed * usual
        counted = read * (usual > 0)
        rate, prior = self.shrinkage.rate, self.shrinkage.weekdays
        keen = (counted.sum(axis=1, keepdims=True) + rate) / (
            expected.sum(axis=1, keepdims=True) + rate
        )
        own = 1.0 if np.isinf(prior) else (counted + prior) / (expected * keen + prior)
        rates: Floats = keen * own * self.weekdays
        return rates

    def save(self, folder: Path) -> None:
        """Write the model into `folder` as JSON."""
        arrays = {name: _listed(getattr(self, name)) for name in _ARRAYS}
        numbers = {  # JSON has no infinity
            name: None if np.isinf(value) else value
            for name, value in asdict(self.shrinkage).items()
        }
        text = json.dumps({**arrays, "shrinkage": numbers, "personal": self.personal}, indent=1)
        (folder / _MODEL).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        read = json.loads((folder / _MODEL).read_text(encoding="utf-8"))
        numbers: dict[str, Any] = {
            name: np.inf if value is None else value for name, value in read["shrinkage"].items()
        }
        return cls(
            **{name: np.array(read[name], dtype=np.float64) for name in _ARRAYS},
            shrinkage=Shrinkage(**numbers),
            personal=read["personal"],
        )


_ARRAYS: Final = tuple(
    one.name for one in fields(SendTime) if one.name not in ("shrinkage", "personal")
)


def groups_of(frame: pd.DataFrame) -> Ints:
    """Return which of `GROUPS` each row belongs to: by when they order, if at one time.

    Raises:
        MissingColumnsError: A column is not there.
    """
    hour, strength = _values(frame, (_ORDER_HOUR, _ORDER_STRENGTH)).T
    quarter = (hour % HOURS // (HOURS / (len(GROUPS) - 1))).astype(np.int64)
    return np.where(strength < _HABIT, 0, 1 + quarter)


def around_the_clock(spread: float) -> Floats:
    """Return the shares, shape (24, 24), that a read in one hour lends to all hours.

    A normal distribution around the hour, cut to the nearest round of the clock; rows sum to 1.
    """
    apart = np.arange(HOURS)
    nearest = np.minimum(apart, HOURS - apart)
    weights = np.exp(-0.5 * (nearest / spread) ** 2)
    shares: Floats = (weights / weights.sum())[(apart[None, :] - apart[:, None]) % HOURS]
    return shares


def within(shares: Floats) -> Floats:
    """Return the sum over the `WITHIN` hours from each hour on, round the clock."""
    total: Floats = np.sum([np.roll(shares, -later, axis=-1) for later in range(WITHIN)], axis=0)
    return total


def _listed(values: Floats) -> list[Any]:
    """Return nested lists with None for nan, which JSON does not have."""
    found = values.astype(object)
    found[~np.isfinite(values)] = None
    return cast("list[Any]", found.tolist())


def counted(reads: Floats) -> Ints:
    """Return how many reads there are, rounded up: an old one is a read, too."""
    # Weights are sums of fractions: a hair above a whole number is that number.
    total: Floats = reads.sum(axis=1)
    return np.ceil(total - 1e-6).astype(np.int64)


def _values(frame: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    if absent := set(columns) - set(frame.columns):
        raise MissingColumnsError("models.send_time", absent, map(str, frame.columns))
    values: Floats = frame[list(columns)].to_numpy(dtype=np.float64)
    return values
