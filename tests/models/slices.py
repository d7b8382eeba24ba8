"""Slices of made-up customers to learn a propensity from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from core.clock import to_us
from features.dataset import Cutoffs, Dataset

START = datetime(2024, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
FEATURES = ("recency_days", "orders_90d", "noise")


def slice_at(month: int, n: int = 400, *, offset: float = 0.0) -> pd.DataFrame:
    """Give customers of one cut-off; who is fresh or frequent is likely to buy."""
    random = np.random.default_rng(month)
    recency, orders = random.gamma(2, 10, n), random.poisson(3, n).astype(float)
    margin = 3.0 * ((recency < 15) | (orders > 5)) - 1.5 + offset
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(n)],
            "cutoff_us": to_us(START + month * MONTH),
            "recency_days": recency,
            "orders_90d": orders,
            "noise": random.random(n),
            "label": (random.random(n) < 1 / (1 + np.exp(-margin))).astype("int8"),
        }
    )


def dataset(*, training: int = 3, test: pd.DataFrame | None = None, shift: float = 0.0) -> Dataset:
    slices = [
        slice_at(month, offset=shift * (month >= training - 1)) for month in range(training + 2)
    ]
    at = [START + month * MONTH for month in range(training + 2)]
    return Dataset(
        training=pd.concat(slices[:training], ignore_index=True),
        purged=slices[0].iloc[:0],
        validation=slices[-2],
        test=slices[-1] if test is None else test,
        cutoffs=Cutoffs(training=tuple(at[:-2]), validation=at[-2], test=at[-1], horizon=MONTH),
        features=FEATURES,
        digest="d",
    )
