from __future__ import annotations

from hypothesis import given, settings

from features.kinds.sessions import Sessions
from ingest.contract import PRODUCT_ADDED, PRODUCT_VIEWED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_VISIT = (PRODUCT_VIEWED, PRODUCT_ADDED)
_sessions = Sessions(_VISIT)
SESSIONS = Twins(
    [
        _sessions.number,
        _sessions.minutes,
        _sessions.happened,
        _sessions.last_minutes,
        _sessions.last_happened,
    ]
)


@settings(max_examples=15)
@given(logs(*_VISIT), CUTOFFS, SEEDS)
def test_few_events_are_never_stale(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    SESSIONS.prove(log, cutoffs, seed)


@settings(max_examples=15)
@given(logs(*_VISIT, least=60, most=110), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    SESSIONS.prove(log, cutoffs, seed)
