from __future__ import annotations

from hypothesis import given, settings

from features.kinds.times import Times
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, ORDER_COMPLETED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_EVENTS = (EMAIL_OPENED, EMAIL_CLICKED, ORDER_COMPLETED)
TIMES = Twins([Times((ORDER_COMPLETED,)).since_first, Times(_EVENTS).since_last])


@settings(max_examples=10)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch_for_times(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    TIMES.prove(log, cutoffs, seed)
