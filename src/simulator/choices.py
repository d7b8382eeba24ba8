"""Which product a customer takes: by taste, price band, brand, habit, popularity and promotion.

All choices are look-ups: the quantiles of popularity within a category and price band (or brand)
are laid out once, and 64 random bits answer every question about one choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY_US
from simulator.arrays import Bytes, Codes, Flags, Floats, Ints, mixed
from simulator.assortment import BANDS, BRANDS, CATEGORIES, Assortment
from simulator.people import People
from simulator.seasons import in_sale

BAND_HABIT: Final = 0.6  # how often the preferred price band is looked at, else any
USUAL: Final = 3  # products of each category that are a customer's usual ones
PROMOTED: Final = 0.08  # share of the products on promotion in a week
PROMOTED_IN_SALE: Final = 0.45
PERCENTS: Final = np.array([10, 15, 20, 20, 25, 30, 30, 40])
_QUANTILES, _BRAND_QUANTILES = 512, 64
_COLUMNS: Final = 16  # of the table of tastes: two words of eight bytes
_PROMOTION_SALT: Final = 71
Draws = NDArray[np.uint16]  # (4, choices)


def draw(rng: np.random.Generator, choices: int) -> Draws:
    """Return the random numbers for so many choices: sixteen bits four times each."""
    return np.frombuffer(rng.bytes(8 * choices), "<u2").reshape(4, choices)


def taste_steps(tastes: Floats) -> NDArray[np.uint16]:
    """Return the cumulative tastes in 65536ths, padded: what a random number is compared with."""
    steps = np.full((len(tastes), _COLUMNS), 0xFFFF, np.uint16)
    sums = np.zeros(len(tastes), np.float32)
    for column in range(tastes.shape[1] - 1):
        sums += tastes[:, column]
        steps[:, column] = np.clip(sums * 65_536 - 0.5, 0, 0xFFFF)
    return steps


def _quantiles(weights: Floats, members: Ints, number: int) -> Codes:
    """Return the product at each of `number` evenly spaced quantiles of the members' weights."""
    cumulative = np.cumsum(weights[members], dtype=np.float64)
    where = (np.arange(number) + 0.5) / number * cumulative[-1]
    found: Codes = members[np.searchsorted(cumulative, where)].astype(np.int32)
    return found


@dataclass(frozen=True, slots=True)
class Offer:
    """What is sold, and what is on promotion, in the weeks of one chunk."""

    first_week: int
    sold: Codes  # for each product itself, or where it is not sold the next one like it
    percent: Bytes  # (weeks, products): off the price
    promoted: Codes  # (weeks, products): the next product like it on promotion, or itself

    def week(self, ts_us: Ints) -> Ints:
        """Return the row of the weeks of instants; those outside take the nearest."""
        return np.clip(ts_us // (7 * DAY_US) - self.first_week, 0, len(self.percent) - 1)


class Shelf:
    """The products, laid out to be chosen from."""

    def __init__(self, products: Assortment, people: People, seed: int) -> None:
        """Lay out the quantiles of popularity of each category by price band and by brand."""
        self.products, self.people = products, people
        self._seed = seed
        self._steps = taste_steps(people.tastes)
        self._order = np.lexsort((products.band, products.category))  # neighbours are alike
        every = range(len(CATEGORIES))
        self._by_band = np.stack(
            [
                np.stack([self._cell(products.band, each, band) for band in range(BANDS)])
                for each in every
            ]
        )
        self._by_brand = np.full((len(CATEGORIES), len(BRANDS), _BRAND_QUANTILES), -1, np.int32)
        for category, brand in {*zip(products.category, products.brand, strict=True)}:
            members = np.flatnonzero((products.category == category) & (products.brand == brand))
            found = _quantiles(products.popularity, members, _BRAND_QUANTILES)
            self._by_brand[category, brand] = found

    def _cell(self, column: Bytes, category: int, value: int) -> Codes:
        products = self.products
        members = np.flatnonzero((products.category == category) & (column == value))
        return _quantiles(products.popularity, members, _QUANTILES)

    def offer(self, first_day: int, last_day: int) -> Offer:
        """Return what is sold in a span of days: all that is there from its first to its last."""
        live = self.products.on_sale(first_day * DAY_US, last_day * DAY_US)
        weeks = np.arange(first_day // 7, (last_day - 1) // 7 + 2)
        percent = np.stack([self._percent(int(week)) for week in weeks])
        promoted = [self._nearest(live & (row > 0)) for row in percent]
        return Offer(int(weeks[0]), self._nearest(live), percent, np.stack(promoted))

    def _percent(self, week: int) -> Bytes:
        numbers = np.arange(len(self.products), dtype=np.uint64) + np.uint64(week << 32)
        draws = mixed(numbers, self._seed + _PROMOTION_SALT)
        share = PROMOTED_IN_SALE if in_sale(week * 7, week * 7 + 7).any() else PROMOTED
        percent = PERCENTS[draws >> np.uint64(61)]
        return np.where(draws % np.uint64(65_536) < share * 65_536, percent, 0).astype(np.uint8)

    def _nearest(self, wanted: Flags) -> Codes:
        """Return for each product the next of its category that is wanted, or else itself."""
        order, category = self._order, self.products.category
        out = np.arange(len(order), dtype=np.int32)
        places = np.flatnonzero(wanted[order])
        if not len(places):
            return out
        of_category = category[order[places]]
        lows = np.searchsorted(of_category, np.arange(len(CATEGORIES)))
        highs = np.searchsorted(of_category, np.arange(len(CATEGORIES)), side="right")
        following = np.searchsorted(places, np.arange(len(order)))
        low, high = lows[category[order]], highs[category[order]]
        following = np.where(following < high, following, low)
        found = order[places[np.minimum(following, len(places) - 1)]]
        out[order] = np.where(low < high, found, order)
        return out

    def categories(self, customer: Codes, draws: Draws) -> Ints:
        """Return the categories that customers turn to, each as often as they like it."""
        over = draws[0][:, None] > self._steps[customer]
        words = over.view(np.uint64)  # eight flags each, summed by one multiplication
        sums = (words[:, 0] + words[:, 1]) * np.uint64(0x0101010101010101)
        found: Ints = (sums >> np.uint64(56)).astype(np.int64)
        return found

    def choose(
        self, offer: Offer, customer: Codes, category: Ints, week: Ints, draws: Draws
    ) -> Codes:
        """Return the products that customers choose in categories, in the weeks of an offer."""
        people = self.people
        usual = (draws[1] & 0xFF) < people.loyalty[customer] * 256
        habit = usual | (draws[1] >> 8 < BAND_HABIT * 256)
        band = np.where(habit, people.band[customer], draws[2] >> 9 & 3)
        own = (customer.astype(np.uint64) << np.uint64(8)) + category.astype(np.uint64) * USUAL
        mine = mixed(own + (draws[2] >> 11) % USUAL, self._seed)
        quantile = np.where(usual, mine.astype(np.uint16), draws[2]) % _QUANTILES
        popular = self._by_band[category, band, quantile]
        branded = self._by_brand[category, people.brand[customer], quantile % _BRAND_QUANTILES]
        lean = ~usual & ((draws[3] & 0xFF) < people.brand_lean[customer] * 256) & (branded >= 0)
        product: Codes = offer.sold[np.where(lean, branded, popular)]
        thrifty = draws[3] >> 8 < people.price_sensitivity[customer] * 256
        return np.where(
            thrifty & (offer.percent[week, product] == 0), offer.promoted[week, product], product
        )
