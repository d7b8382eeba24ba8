"""How good send times are, against what was read later; and what such reads are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import columns as c
from core.errors import NotEnoughDataError
from features.reading import HOURS, UNKNOWN, answer_days, read_hours
from models.send_time import WITHIN, SendTime, groups_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SURE: Final = (0.001, 0.999)  # rates of mails read
MIN_READERS: Final = 50  # who read before and after a cut-off: fewer cannot be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was known at a cut-off.

    Attributes:
        frame: `customer_id` and the features of `features.registry.SEND_TIME`, one row each.
        reads: `features.reading.mail_reads` before the cut-off.
        answers: `features.reading.mail_answers` before it.
    """

    frame: pd.DataFrame
    reads: pd.DataFrame
    answers: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What was read after a cut-off, each mail counting one; columns as in `Past`."""

    reads: pd.DataFrame
    answers: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Those who read both before a cut-off and after it, and each of their later reads.

    Attributes:
        frame: As `Past.frame`, a row per reader.
        before: `Past.reads` of theirs.
        reader: Shape (n,): the row of `frame` of each later read.
        hour: Shape (n,): the hour at which it was read.
        sent: Shape (n,): the hour at which it was delivered, -1 unknown.
    """

    frame: pd.DataFrame
    before: pd.DataFrame
    reader: Ints
    hour: Ints
    sent: Ints

    @classmethod
    def of(cls, past: Past, later: Later) -> Readers:
        """Find them.

        Raises:
            NotEnoughDataError: They are fewer than `MIN_READERS`.
        """
        both = set(past.reads[c.CUSTOMER_ID]) & set(later.reads[c.CUSTOMER_ID])
        frame = past.frame[past.frame[c.CUSTOMER_ID].isin(both)].reset_index(drop=True)
        if len(frame) < MIN_READERS:
            raise NotEnoughDataError(
                f"{len(frame):,} customers opened or clicked mails in both of two spans of time; "
                f"{MIN_READERS} are needed to learn send times. Import a longer history of mails; "
                "what machines opened does not count."
            )
        at = pd.Index(frame[c.CUSTOMER_ID]).get_indexer(later.reads[c.CUSTOMER_ID])
        times = np.where(at < 0, 0, later.reads["reads"].to_numpy()).astype(np.int64)
        return cls(
            frame=frame,
            before=past.reads[past.reads[c.CUSTOMER_ID].isin(both)],
            reader=np.repeat(at, times),
            hour=np.repeat(later.reads["hour"].to_numpy(), times),
            sent=np.repeat(later.reads["sent_hour"].to_numpy(), times),
        )

    def hours(self, model: SendTime) -> Floats:
        """Return what they had read by hour, as the model counts it, shape (readers, 24)."""
        return read_hours(self.frame[c.CUSTOMER_ID], self.before, model.delays)


def log_likelihood(model: SendTime, readers: Readers) -> Floats:
    """Return the log likelihood of the hour of each later read, given what was known before.

    A mail is read at an hour in proportion to the customer's share of it, and to the factor of
    the delay since its delivery.
    """
    shares = model.hours(readers.hours(model), groups_of(readers.frame))
    late = (np.arange(HOURS)[None, :] - readers.sent[:, None]) % HOURS
    factors = np.where((readers.sent == UNKNOWN)[:, None], 1.0, model.delays[late])
    weighted = shares[readers.reader] * factors
    hit = weighted[np.arange(len(readers.hour)), readers.hour]
    likelihood: Floats = np.log(hit / weighted.sum(axis=1))
    return likelihood


def hits(model: SendTime, readers: Readers) -> Floats:
    """Say of each later read whether it came within `WITHIN` hours from the hour the model gives.

    That is within an hour of the middle one. Who has no hour of their own gets the shop's.
    """
    best, _ = model.best_hours(readers.hours(model), groups_of(readers.frame))
    best = np.where(np.isnan(best), model.shop_hour, best)
    return ((readers.hour - best[readers.reader]) % HOURS < WITHIN).astype(np.float64)


def weekday_likelihood(model: SendTime, past: Past, later: Later) -> Floats:
    """Return the log likelihood of each weekday's answers of those who were mailed before, too.

    Per customer and weekday: that so many of their later mails were read within a day.
    """
    customers = past.frame[c.CUSTOMER_ID]
    rates = np.clip(model.rates(*answer_days(customers, past.answers)), *_SURE)
    mailed, read = answer_days(customers, later.answers)
    tells = (mailed > 0) & np.isfinite(rates)
    values = read[tells] * np.log(rates[tells])
    values += (mailed - read)[tells] * np.log1p(-rates[tells])
    return values
