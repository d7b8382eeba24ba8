from __future__ import annotations

from hypothesis import given, settings

from features.kinds.place import Place
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED, PRODUCT_VIEWED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_place = Place(EVENT_NAMES)
PLACES = Twins(_place.side(name) for name in ("country", "region", "city"))


@settings(max_examples=25)
@given(logs(PRODUCT_VIEWED, ORDER_COMPLETED), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    PLACES.prove(log, cutoffs, seed)
