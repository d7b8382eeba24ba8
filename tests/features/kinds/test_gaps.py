from __future__ import annotations

from hypothesis import given, settings

from features.kinds.gaps import Gaps
from ingest.contract import ORDER_COMPLETED, ORDER_REFUNDED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_BOTH = (ORDER_COMPLETED, ORDER_REFUNDED)
_gaps = Gaps(_BOTH)
GAPS = Twins([_gaps.mean, _gaps.deviation, _gaps.longest, _gaps.latest])


@settings(max_examples=15)
@given(logs(*_BOTH), CUTOFFS, SEEDS)
def test_few_events_are_never_stale(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    GAPS.prove(log, cutoffs, seed)


@settings(max_examples=15)
@given(logs(*_BOTH, least=45, most=90), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    GAPS.prove(log, cutoffs, seed)
