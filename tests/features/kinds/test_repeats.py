from __future__ import annotations

from hypothesis import given, settings

from features.keys import CATEGORY, PRODUCT
from features.kinds.repeats import Repeats
from ingest.contract import ORDER_COMPLETED, PRODUCT_VIEWED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_LOOKED = (PRODUCT_VIEWED,)
_looks = [
    Repeats(key, _LOOKED, days) for key, days in ((PRODUCT, 7), (PRODUCT, 200), (CATEGORY, 30))
]
REPEATS = Twins(read for one in _looks for read in (one.most, one.at))


@settings(max_examples=25)
@given(logs(PRODUCT_VIEWED, PRODUCT_VIEWED, ORDER_COMPLETED), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    REPEATS.prove(log, cutoffs, seed)
