"""Three kinds of customers as a frame of features, for tests of clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.feature import names
from features.registry import CLUSTERS


def tribes(seed: int = 0, size: int = 100) -> pd.DataFrame:
    """Three kinds of customers, told apart by rhythm, basket and taste; the last buys most."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {name: [] for name in names(CLUSTERS)}
    columns |= {"share_BOOKS": [], "share_SHOES": []}
    for often, much, books in ((1, 1, 0.8), (8, 1, 0.5), (8, 6, 0.2)):
        wobble = random.lognormal(sigma=0.15, size=(len(columns), size))
        typical = {
            "recency_days": 40 / often,
            "gap_mean_days": 60 / often,
            "basket_lines_90d": 3 * much,
            "order_value_minor_90d": 2_000 * much,
            "share_BOOKS": books,
            "share_SHOES": 1 - books,
            "discount_share_90d": 0.1,
            "department_entropy": 1.0,
        }
        for row, name in enumerate(columns):
            usual = typical.get(name, 3.0 * often * (much if "revenue" in name else 1))
            columns[name] += (usual * wobble[row]).tolist()
    return pd.DataFrame(columns)
