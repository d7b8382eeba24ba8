from __future__ import annotations

from hypothesis import given, settings

from features.kinds.decayed import Decayed
from features.measures import DISCOUNT, ENGAGEMENT, ONE
from ingest.contract import EMAIL_CLICKED, EMAIL_OPENED, ORDER_COMPLETED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_EVENTS = (EMAIL_OPENED, EMAIL_CLICKED, ORDER_COMPLETED)
FADING = Twins(
    Decayed(measure, _EVENTS, half_life).now
    for measure in (ONE, DISCOUNT, ENGAGEMENT)
    for half_life in (12.0, 30.0)
)


@settings(max_examples=15)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch_for_what_fades(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    FADING.prove(log, cutoffs, seed)
