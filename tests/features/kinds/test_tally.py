from __future__ import annotations

import pytest
from hypothesis import given, settings

from core.errors import ConfigError
from features.kinds.tally import Tally
from features.measures import (
    DISCOUNT,
    ENGAGEMENT,
    EVENING,
    LINES,
    ONE,
    UNITS,
    VALUE,
    VALUE_SQUARED,
    WEEKEND,
    WORTH,
)
from ingest.contract import EMAIL_OPENED, ORDER_COMPLETED, ORDER_REFUNDED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_MEASURES = (ONE, VALUE, DISCOUNT, WEEKEND, EVENING, VALUE_SQUARED, LINES, UNITS, WORTH)
_BOTH = (ORDER_COMPLETED, ORDER_REFUNDED)
TALLIES = Twins(
    read
    for tally in (*(Tally(each, _BOTH) for each in _MEASURES), Tally(ENGAGEMENT, (EMAIL_OPENED,)))
    for read in (tally.total, tally.last(1), tally.last(7), tally.last(365))
)


@settings(max_examples=25)
@given(logs(*_BOTH, EMAIL_OPENED), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    TALLIES.prove(log, cutoffs, seed)


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_a_window_is_one_that_a_state_can_keep(days: int) -> None:
    with pytest.raises(ConfigError, match=f"a window is 1 to 365 days, not {days}"):
        Tally(ONE, _BOTH).last(days)
