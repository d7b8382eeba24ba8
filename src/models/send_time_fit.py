"""Learns send times: profiles from what was read, pseudo-counts from what was read later.

Pseudo-counts are those under which the reads of a later time are likeliest, given what was known
before it. Groups, weekdays and the correction for delays are taken only where they help for sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import columns as c
from core.errors import NotEnoughDataError
from features.reading import EVEN, HOURS, UNKNOWN, answer_days, read_hours
from models.gate import Interval, mean, paired_bootstrap
from models.send_time import (
    GROUPS,
    SendTime,
    Shrinkage,
    around_the_clock,
    counted,
    groups_of,
)
from models.send_time_measures import (
    Later,
    Past,
    Readers,
    hits,
    log_likelihood,
    weekday_likelihood,
)

Floats = NDArray[np.float64]

_HOURS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_SPREADS: Final = (0.5, 1.0, 1.5, 2.0, 3.0)
_GROUPS: Final = (30.0, 300.0)
_WEEKDAYS: Final = (30.0, 10.0, 3.0)
_MOST: Final = 5  # reads: who has so many has an hour of their own, whatever comes out
_SHOP_SPREAD: Final = 1.0  # hours: a shop's profile is of many reads, and jagged all the same
# A weekday on which the shop mails: its share of all mails, and their number.
_SOME: Final = 0.02
_SOME_MAILS: Final = 50.0
_INDEPENDENT: Final = 0.1  # of the reads: so many more, as if delays had no influence
_ABOUT: Final = 2  # hours around that of most deliveries
_ELSEWHEN: Final = 0.1  # of the reads: of mails that came at other hours
_ROUNDS: Final = 200
_BOUND: Final = 4.0  # of the factor of a delay, up and down
_DRAWS: Final = 400


def fit_send_time(past: Past, shrinkage: Shrinkage, *, corrects: bool = False) -> SendTime:
    """Learn the profiles of shop and groups with given pseudo-counts, corrected for delays or not.

    Raises:
        NotEnoughDataError: Nobody has read anything.
    """
    factors = delay_factors(past.reads) if corrects else np.array(EVEN)
    customers = past.frame[c.CUSTOMER_ID]
    reads = read_hours(customers, past.reads, factors)
    if not reads.any():
        raise NotEnoughDataError(
            "no mail was opened or clicked by a person. Import e-mail events; what machines "
            "opened does not count."
        )
    smooth = around_the_clock(_SHOP_SPREAD)
    # A read at each hour more: an hour at which nobody has read yet is not impossible.
    shop = (reads.sum(axis=0) + 1.0) @ smooth
    shop = shop / shop.sum()
    profiles = np.tile(shop, (len(GROUPS), 1))
    if np.isfinite(shrinkage.group):
        group = groups_of(past.frame)
        own = np.stack([reads[group == number].sum(axis=0) for number in range(len(GROUPS))])
        prior = shrinkage.group
        profiles = (own @ smooth + prior * shop) / (own.sum(axis=1, keepdims=True) + prior)
    return SendTime(
        profiles=profiles,
        shop=shop,
        delays=factors,
        weekdays=_weekday_rates(*answer_days(customers, past.answers)),
        shrinkage=shrinkage,
    )


def _weekday_rates(mailed: Floats, read: Floats) -> Floats:
    total = mailed.sum(axis=0)
    some = (total >= _SOME_MAILS) & (total >= _SOME * total.sum())
    rates: Floats = np.where(some, read.sum(axis=0) / np.where(some, total, 1.0), np.nan)
    return np.where(rates > 0, rates, np.nan)


def choose(past: Past, later: Later, *, seed: int) -> tuple[Shrinkage, bool]:
    """Find pseudo-counts by what was read later, and whether to correct for delays.

    Raises:
        NotEnoughDataError: Too few have read both before and later.
    """
    readers = Readers.of(past, later)

    def gains(better: SendTime, best: SendTime, measure: Callable[..., Floats]) -> Interval:
        values = [measure(model, readers) for model in (better, best)]
        return paired_bootstrap(*values, metric=mean, seed=seed, draws=_DRAWS, units=readers.reader)

    def likeliest(models: Iterable[SendTime]) -> SendTime:
        return max(models, key=lambda model: float(log_likelihood(model, readers).mean()))

    plain = fit_send_time(past, Shrinkage())
    best = likeliest(
        replace(plain, shrinkage=Shrinkage(hours=hours, spread=spread))  # the profiles stay
        for hours, spread in product(_HOURS, _SPREADS)
    )
    grouped = likeliest(
        fit_send_time(past, replace(best.shrinkage, group=group)) for group in _GROUPS
    )
    best = grouped if gains(grouped, best, log_likelihood).low > 0 else best
    corrected = fit_send_time(past, best.shrinkage, corrects=True)
    corrects = gains(corrected, best, log_likelihood).low > 0
    best = corrected if corrects else best
    least = _least(best, readers, seed=seed)
    weekdays = _weekdays(best, past, later, seed=seed)
    return replace(best.shrinkage, least=least, weekdays=weekdays), corrects


def _least(model: SendTime, readers: Readers, *, seed: int) -> int:
    """Return from how many reads on an hour of one's own is met more often than the shop's."""
    known = counted(readers.hours(model))
    own, shop = hits(model, readers), hits(model.baseline(), readers)
    for least in range(1, _MOST):
        such = (known == least)[readers.reader]
        if such.sum() < _MOST:
            continue
        gain = paired_bootstrap(
            own[such], shop[such], metric=mean, seed=seed, draws=_DRAWS, units=readers.reader[such]
        )
        if gain.low > 0:
            return least
    return _MOST


def _weekdays(model: SendTime, past: Past, later: Later, *, seed: int) -> float:
    """Return the reads' worth of the shop's weekdays; inf where a customer's own say no more."""
    if not model.tells_weekdays:
        return np.inf
    usual = weekday_likelihood(model, past, later)
    tried = {
        prior: weekday_likelihood(
            replace(model, shrinkage=replace(model.shrinkage, weekdays=prior)), past, later
        )
        for prior in _WEEKDAYS
    }
    best = max(tried, key=lambda prior: float(tried[prior].sum()))
    if not len(usual):
        return np.inf
    gain = paired_bootstrap(tried[best], usual, metric=mean, seed=seed, draws=_DRAWS)
    return best if gain.low > 0 else np.inf


def delay_factors(reads: pd.DataFrame) -> Floats:
    """Tell the hours people like from the hours soon after a mail came.

    Where a mail lies on top it is read more; that says when it was sent, not when its reader
    reads. Reads are, by hour of delivery and of reading, taken as a product of three: how many
    mails came at the one, how much is read at the other, and a factor of the hours between. Where
    hardly any mail comes at another time of the day than most, the latter two cannot be told
    apart, and all is the hour's.

    Args:
        reads: `features.reading.mail_reads`.

    Returns:
        Shape (24,): the factor by hours since delivery (round the clock), mean 1 over the reads.

    Source:
        Iterative proportional fitting, Deming and Stephan, 1940, of a log-linear model.
    """
    known = reads[reads["sent_hour"] != UNKNOWN]
    sent, hour = known["sent_hour"].to_numpy(), known["hour"].to_numpy()
    cells = np.bincount(sent * HOURS + hour, weights=known["reads"], minlength=HOURS * HOURS)
    table: Floats = cells.reshape(HOURS, HOURS).astype(np.float64)
    if not _at_several_hours(table.sum(axis=1)):
        return np.array(EVEN)
    product_of_margins = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    table = table + _INDEPENDENT * product_of_margins
    late = (np.arange(HOURS)[None, :] - np.arange(HOURS)[:, None]) % HOURS

    def by_delay(of: Floats) -> Floats:
        sums = np.bincount(late.ravel(), weights=of.ravel(), minlength=HOURS)
        return sums.astype(np.float64)

    seen = by_delay(table)
    came, liked, factor = (np.ones(HOURS) for _ in range(3))
    for _ in range(_ROUNDS):
        fitted = factor[late]
        liked = _ratio(table.sum(axis=0), came @ fitted)
        came = _ratio(table.sum(axis=1), fitted @ liked)
        factor = _ratio(seen, by_delay(np.outer(came, liked)))
    factor = np.where(factor > 0, factor, 1.0)
    factor = factor * (seen.sum() / float(factor @ seen))
    bounded: Floats = np.clip(factor, 1 / _BOUND, _BOUND)
    return bounded


def _at_several_hours(sent: Floats) -> bool:
    """Tell whether mails come at times of the day that differ by more than zones and seasons do."""
    apart = (np.arange(HOURS) - sent.argmax()) % HOURS
    others = sent[np.minimum(apart, HOURS - apart) > _ABOUT].sum()
    return bool(others > _ELSEWHEN * sent.sum())


def _ratio(observed: Floats, expected: Floats) -> Floats:
    return np.divide(observed, expected, out=np.zeros(HOURS), where=expected > 0)
