"""The customers: what they like, how often they come, and what mailings do to them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from simulator.arrays import Bytes, Codes, Flags, Floats, Ints
from simulator.assortment import BANDS, BRANDS, CATEGORIES, CATEGORY_WEIGHTS
from simulator.parameters import PEOPLE, Parameters
from simulator.places import SHARES

DEVICES: Final = ("mobile", "desktop", "tablet")
_DEVICE_SHARES: Final = (0.62, 0.31, 0.07)
_AT_A_TIME: Final = 100_000  # customers drawn in one go
_CONCENTRATION: Final = 2.5  # of tastes: the lower, the fewer categories a customer likes
_VISITS_A_YEAR: Final = 4.6
_GAP_DAYS: Final = 190.0  # median of the customers' mean gaps between planned orders
_LIFETIME_DAYS: Final = 900.0
_TURNOVER_DAYS: Final = 600  # within so many days as many come as were there
_TENURE_US: Final = 720 * DAY_US  # the oldest came so long before the start
# Consent: purposes by bit, and the share who grant each.
PURPOSES: Final = ("email_marketing", "personalisation", "analytics", "model_training")
GRANTED: Final = (0.82, 0.85, 0.9, 0.85)


@dataclass(frozen=True, slots=True)
class People:
    """One entry per customer; probabilities and shares lie in [0, 1]."""

    place: Bytes  # index in PLACES
    device: Bytes  # the one used most, index in DEVICES
    birth_year: Codes
    arrival_us: Ints  # comes for the first time
    identified_us: Ints  # says who they are: events before are anonymous
    lapse_us: Ints  # does nothing from here on
    consents: Bytes  # bit i: grants PURPOSES[i] when identified
    tastes: Floats  # (n, categories): share of each category in what they choose
    brand: Codes  # the favourite, index in BRANDS
    brand_lean: Floats  # how often they look for it
    band: Bytes  # preferred price band, 0 cheap to 3 dear
    price_sensitivity: Floats  # how often they take what is on promotion instead
    loyalty: Floats  # how often they take one of their usual products
    basket: Floats  # mean number of lines beyond the first
    visit_rate: Floats  # visits without a plan, per day
    order_propensity: Floats  # that such a visit ends in an order
    gap_days: Floats  # mean time between planned orders
    regularity: Floats  # shape of these gaps: 1 is at random, 30 nearly to the day
    browse_hour: Floats  # local, centre of the habit
    browse_spread: Floats  # hours
    weekday: Bytes  # the preferred one, Monday is 0
    weekday_habit: Floats  # how often a visit waits for it
    read_hour: Floats  # local, when mail is read
    read_spread: Floats  # hours
    open_rate: Floats  # of mails delivered
    click_rate: Floats  # of mails opened
    mail_order_rate: Floats  # of clicks that end in an order
    prefetched: Flags  # the mailbox loads pictures by itself; who opened cannot be seen
    scanned: Flags  # a scanner follows every link
    bounces: Flags  # the mailbox is not there

    def __len__(self) -> int:
        return len(self.place)

    def campaign_effect(self, who: Ints) -> Floats:
        """Return how many orders more a mailing brings from each, while they are there."""
        effect = self.open_rate[who] * self.click_rate[who] * self.mail_order_rate[who]
        return np.where(self.bounces[who], np.float32(0), effect)

    def agrees(self, purpose: str) -> Flags:
        """Say who grants a purpose when they are identified."""
        bit = 1 << PURPOSES.index(purpose)
        granted: Flags = self.consents & bit != 0
        return granted


def draw_people(parameters: Parameters) -> People:
    """Draw the customers, block by block, so that little more is held than the result."""
    blocks = range(0, parameters.customers, _AT_A_TIME)
    found: dict[str, NDArray[np.generic]] = {}
    for number, first in enumerate(blocks):
        rng = parameters.random(PEOPLE, number)
        size = min(_AT_A_TIME, parameters.customers - first)
        drawn = {
            **_lives(parameters, rng, size),
            **_wants(rng, size),
            **_rhythms(parameters, rng, size),
            **_mailboxes(rng, size),
        }
        for name, values in drawn.items():
            whole = found.setdefault(
                name, np.empty((parameters.customers, *values.shape[1:]), values.dtype)
            )
            whole[first : first + size] = values
    return People(**{field.name: found[field.name] for field in fields(People)})  # type: ignore[arg-type]  # the types are those of the parts


def _lives(
    parameters: Parameters, rng: np.random.Generator, size: int
) -> dict[str, NDArray[np.generic]]:
    start, end = parameters.start_us, parameters.end_us
    old = rng.random(size) < 1 / (1 + parameters.days / _TURNOVER_DAYS)
    arrival = np.where(
        old, rng.integers(start - _TENURE_US, start, size), rng.integers(start, end, size)
    )
    wait = rng.exponential(10 * DAY_US, size) * (rng.random(size) < 0.6)  # the others at once
    lifetime = rng.exponential(_LIFETIME_DAYS * DAY_US, size)
    granted = np.stack([rng.random(size) < share for share in GRANTED])
    return {
        "place": rng.choice(len(SHARES), size, p=SHARES).astype(np.uint8),
        "device": rng.choice(len(DEVICES), size, p=_DEVICE_SHARES).astype(np.uint8),
        "birth_year": rng.integers(1945, 2006, size).astype(np.int32),
        "arrival_us": arrival,
        "identified_us": arrival + wait.astype(np.int64),
        "lapse_us": np.maximum(arrival, start) + lifetime.astype(np.int64),
        "consents": np.packbits(granted, axis=0, bitorder="little")[0],
    }


def _wants(rng: np.random.Generator, size: int) -> dict[str, NDArray[np.generic]]:
    shape = (size, len(CATEGORIES))
    parts = rng.standard_gamma(np.tile(CATEGORY_WEIGHTS * _CONCENTRATION, (size, 1))) + 1e-6
    tastes: Floats = (parts / parts.sum(axis=1, keepdims=True)).astype(np.float32)
    assert tastes.shape == shape  # noqa: S101  # one share per customer and category
    return {
        "tastes": tastes,
        "brand": rng.integers(0, len(BRANDS), size).astype(np.int32),
        "brand_lean": _beta(rng, 1.2, 4, size),
        "band": rng.integers(0, BANDS, size).astype(np.uint8),
        "price_sensitivity": _beta(rng, 1.1, 3, size),
        "loyalty": _beta(rng, 1.5, 3, size),
        "basket": rng.gamma(1.2, 0.8, size).astype(np.float32),
    }


def _rhythms(
    parameters: Parameters, rng: np.random.Generator, size: int
) -> dict[str, NDArray[np.generic]]:
    visits = rng.gamma(0.7, _VISITS_A_YEAR / 0.7 / 365, size)
    gaps = _GAP_DAYS * rng.lognormal(0, 0.75, size)
    regular = 2 + 28 * rng.beta(1, 2, size)
    return {
        "visit_rate": (parameters.scale * visits).astype(np.float32),
        "order_propensity": _beta(rng, 1.2, 25, size),
        "gap_days": (gaps / parameters.scale).astype(np.float32),
        "regularity": np.where(rng.random(size) < 0.35, 1, regular).astype(
            np.float32
        ),  # the irregular
        "browse_hour": rng.choice(
            [8, 12.5, 17.5, 20.5, 22], size, p=[0.1, 0.2, 0.2, 0.4, 0.1]
        ).astype(np.float32)
        + rng.normal(0, 0.8, size).astype(np.float32),
        "browse_spread": (1 + 2.5 * rng.random(size)).astype(np.float32),
        "weekday": rng.integers(0, 7, size).astype(np.uint8),
        "weekday_habit": _beta(rng, 1, 2.5, size),
    }


def _mailboxes(rng: np.random.Generator, size: int) -> dict[str, NDArray[np.generic]]:
    hours = rng.choice([7, 9.5, 12.5, 18, 21], size, p=[0.3, 0.2, 0.15, 0.15, 0.2])
    return {
        "read_hour": ((hours + rng.normal(0, 0.7, size)) % 24).astype(np.float32),
        "read_spread": (0.5 + 1.5 * rng.random(size)).astype(np.float32),
        "open_rate": _beta(rng, 2, 3.5, size),
        "click_rate": _beta(rng, 1.3, 6, size),
        "mail_order_rate": _beta(rng, 1.2, 5, size),
        "prefetched": rng.random(size) < 0.35,  # as many as use such a mailbox
        "scanned": rng.random(size) < 0.04,  # mailboxes at work
        "bounces": rng.random(size) < 0.015,  # mistyped or given up
    }


def _beta(rng: np.random.Generator, a: float, b: float, size: int) -> Floats:
    return rng.beta(a, b, size).astype(np.float32)
