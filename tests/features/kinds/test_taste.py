from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings

from core.clock import DAY_US
from core.errors import ConfigError
from features.feature import Feature
from features.formula import Formula
from features.keys import BRAND, CATEGORY, DEPARTMENT, DEVICE, PRICE_BAND, PRODUCT, WEEKDAY
from features.kinds.taste import CAP, Taste, bound
from features.row import Line
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED, PRODUCT_ADDED, PRODUCT_VIEWED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs, shown

_EVENTS = (PRODUCT_VIEWED, PRODUCT_ADDED, ORDER_COMPLETED)
_WEIGHTS = ((PRODUCT_VIEWED, 1.0), (PRODUCT_ADDED, 3.0), (ORDER_COMPLETED, 5.0))
_EQUAL = tuple((event, 1.0) for event in _EVENTS)


def read_of(taste: Taste) -> tuple[Formula | Feature, ...]:
    ranked = (one for place in (1, 2, 3) for one in (taste.top(place), taste.share(place)))
    return (*ranked, taste.keys, taste.strength, shown(taste.entropy, unit="nats"))


OF_LINES = Twins(
    read
    for key in (DEPARTMENT, CATEGORY, BRAND, PRODUCT, PRICE_BAND)
    for read in read_of(Taste(key, _WEIGHTS, 90.0))
)
OF_EVENTS = Twins(read for key in (DEVICE, WEEKDAY) for read in read_of(Taste(key, _EQUAL, 90.0)))


@settings(max_examples=20)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch_for_keys_of_lines(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    OF_LINES.prove(log, cutoffs, seed)


@settings(max_examples=15)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch_for_keys_of_events(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    OF_EVENTS.prove(log, cutoffs, seed)


@settings(max_examples=10)
@given(SEEDS)
def test_above_its_cap_a_share_is_short_by_its_bound_at_most_and_never_above_the_truth(
    seed: int,
) -> None:
    random = Random(seed)  # noqa: S311  # a customer that the seed repeats
    taste = Taste(PRODUCT, _WEIGHTS, 90.0)
    fold, part = taste.folder(Shop()), taste.init()
    truth: dict[str, float] = {}
    for step in range(1_500):
        key = f"p{int(random.expovariate(0.02))}"  # a few often, many once
        ts_us = step * 3_600_000_000
        fold(part, Line(PRODUCT_VIEWED, ts_us, key, None, None, 1, None, None))
        truth[key] = truth.get(key, 0.0) + 2.0 ** (ts_us / DAY_US / 90.0)
    whole = sum(truth.values())
    places = range(1, CAP + 1)

    reads = [one for place in places for one in (taste.top(place), taste.share(place))]
    found = taste.reader(reads)(part, 1_500 * 3_600_000_000)

    assert 0.0 < bound(part) < 0.2
    assert len(truth) > 2 * CAP >= len(part[1])
    for key, share in zip(found[::2], found[1::2], strict=True):
        right = truth[key] / whole
        assert right - bound(part) - 1e-12 <= share <= right + 1e-12


def test_below_its_cap_a_taste_is_exact() -> None:
    taste = Taste(PRODUCT, _WEIGHTS, 90.0)
    fold, part = taste.folder(Shop()), taste.init()
    for number in range(2 * CAP):
        fold(part, Line(ORDER_COMPLETED, number, f"p{number}", None, None, 1, None, None))

    assert bound(part) == 0.0
    assert taste.reader([taste.keys])(part, DAY_US) == [2.0 * CAP]


def test_merged_tastes_above_the_cap_stay_within_their_bound() -> None:
    taste = Taste(PRODUCT, _EQUAL, 90.0)
    fold = taste.folder(Shop())
    parts = [taste.init() for _ in range(2)]
    for number in range(300):
        for part in parts:
            key = f"p{number}" if number % 2 else "often"
            fold(part, Line(ORDER_COMPLETED, number, key, None, None, 1, None, None))

    taste.merge(*parts)

    top, share = taste.reader([taste.top(1), taste.share(1)])(parts[0], 301)
    assert top == "often"
    assert 0.5 - bound(parts[0]) <= share <= 0.5 + 1e-9


@pytest.mark.parametrize("weight", [0.0, -1.0, 100.0, float("nan")])
def test_a_weight_is_a_number_that_can_be_added_up(weight: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and below 100"):
        Taste(PRODUCT, ((ORDER_COMPLETED, weight),), 90.0)


def test_a_taste_counts_something() -> None:
    with pytest.raises(ConfigError, match="at least one event"):
        Taste(PRODUCT, (), 90.0)


def test_one_key_has_no_entropy_and_no_rounding() -> None:
    taste = Taste(PRODUCT, _WEIGHTS, 90.0)
    fold, part = taste.folder(Shop()), taste.init()
    for number in range(50):
        fold(part, Line(PRODUCT_VIEWED, number * 7 * DAY_US, "p1", None, None, 1, None, None))
    assert taste.reader([taste.entropy])(part, 400 * DAY_US) == [0.0]
