"""People who read mail at hours of their own, for tests of send times."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.feature import names
from features.reading import UNKNOWN
from features.registry import SEND_TIME
from models.send_time_measures import Later, Past


def frame(customers: int, *, order_hour: float = 12.0, strength: float = 0.0) -> pd.DataFrame:
    """Return who there is, with when they order."""
    hour, sure = names(SEND_TIME)
    ids = [f"c{number:03}" for number in range(customers)]
    return pd.DataFrame({"customer_id": ids, hour: order_hour, sure: strength})


def reads(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    """Return (customer, hour, hour of delivery, how many) as `mail_reads` does."""
    table = pd.DataFrame(rows, columns=["customer_id", "hour", "sent_hour", "reads"])
    return table.astype({"hour": "int64", "sent_hour": "int64", "reads": "float64"})


def answers(*rows: tuple[str, int, float, float]) -> pd.DataFrame:
    """Return (customer, weekday, mailed, read) as `mail_answers` does."""
    table = pd.DataFrame(rows, columns=["customer_id", "weekday", "mailed", "read"])
    return table.astype({"weekday": "int64", "mailed": "float64", "read": "float64"})


def larks_and_owls(
    customers: int = 120, *, known: int = 3, sent: int = UNKNOWN, own: bool = True
) -> tuple[Past, Later]:
    """Return two kinds of readers, at 7 and at 21, who keep to it; or (own=False) do not.

    Each has read `known` mails, and reads two later on; one of ten reads is at any hour.
    """
    rng = np.random.default_rng(5)

    def table(each: int) -> pd.DataFrame:
        rows = []
        for number in range(customers):
            lark = number % 3 > 0 if own else rng.random(each) < 2 / 3
            usual = np.where(lark, 7, 21) + rng.integers(-1, 2, each)
            hours = np.where(rng.random(each) < 0.1, rng.integers(0, 24, each), usual % 24)
            rows += [(f"c{number:03}", int(hour), sent, 1.0) for hour in hours]
        return reads(*rows)

    nothing = answers()
    past = Past(frame=frame(customers), reads=table(known), answers=nothing)
    return past, Later(reads=table(2), answers=nothing)
