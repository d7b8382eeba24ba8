from __future__ import annotations

from hypothesis import given, settings

from features.kinds.cart import Cart
from features.measures import UNITS, WORTH
from ingest.contract import ORDER_COMPLETED, PRODUCT_ADDED, PRODUCT_REMOVED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_EVENTS = (PRODUCT_ADDED, PRODUCT_ADDED, PRODUCT_REMOVED, ORDER_COMPLETED)
CARTS = Twins(Cart(measure, days).left for measure, days in ((WORTH, 0), (WORTH, 30), (UNITS, 300)))


@settings(max_examples=25)
@given(logs(*_EVENTS), CUTOFFS, SEEDS)
def test_stream_is_batch(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    CARTS.prove(log, cutoffs, seed)
