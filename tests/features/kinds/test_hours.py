from __future__ import annotations

from hypothesis import given, settings

from features.formula import hour_of
from features.kinds.hours import HourOfDay
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, ORDER_COMPLETED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs, shown

_EVENTS = (EMAIL_OPENED, EMAIL_CLICKED, ORDER_COMPLETED)
_hours = HourOfDay(_EVENTS, 180.0)
_strength = (_hours.sine * _hours.sine + _hours.cosine * _hours.cosine).root
HOURS = Twins([shown(hour_of(_hours.sine, _hours.cosine), unit="hour of the day"), _strength])


@settings(max_examples=15)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch_for_hours(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    HOURS.prove(log, cutoffs, seed)
