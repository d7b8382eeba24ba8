from __future__ import annotations

from hypothesis import given, settings

from features.keys import CAMPAIGN, DEVICE
from features.kinds.distinct import DaysWithout, Distinct
from ingest.contract import CHECKOUT_STARTED, EMAIL_OPENED, ORDER_COMPLETED, PRODUCT_ADDED
from tests.parity import CUTOFFS, SEEDS, Cutoffs, Log, Twins, logs

_PUT = (PRODUCT_ADDED, CHECKOUT_STARTED)
_ORDER = (ORDER_COMPLETED,)
DAYS = Twins(
    DaysWithout(_PUT, missing, days).number for missing in (_ORDER, ()) for days in (2, 90)
)
KEYS = Twins(Distinct(key, _PUT, days).number for key in (CAMPAIGN, DEVICE) for days in (2, 300))


@settings(max_examples=20)
@given(logs(*_PUT, *_ORDER, EMAIL_OPENED), CUTOFFS, SEEDS)
def test_stream_is_batch_for_days(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    DAYS.prove(log, cutoffs, seed)


@settings(max_examples=20)
@given(logs(*_PUT, *_ORDER, EMAIL_OPENED), CUTOFFS, SEEDS)
def test_stream_is_batch_for_keys(log: Log, cutoffs: Cutoffs, seed: int) -> None:
    KEYS.prove(log, cutoffs, seed)
