"""Customers with a rhythm of their own who may leave for good: features, and what came after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features import ahead
from features.feature import names
from features.registry import CHURN, VALUE

DAY_US = 86_400_000_000
HORIZON_DAYS = 90.0
LAST = 200  # days: the last cut-off to learn from; one to be judged by lies a horizon later


def shoppers(
    n: int = 400, *, cutoffs: tuple[int, ...] = (110, LAST), seed: int = 7
) -> pd.DataFrame:
    """Return one row per cut-off (a day) and customer with an order before it."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for number in range(n):
        gap, worth = random.choice([4.0, 12.0, 35.0]), random.gamma(3.0, 1_000.0)
        leaves = random.uniform(30, 600)
        days = np.cumsum(random.gamma(3.0, gap / 3.0, 150))
        days = days[days < min(leaves, max(cutoffs) + HORIZON_DAYS)]
        values = np.round(random.gamma(6.0, worth / 6.0, len(days)))
        rows += [
            {"customer_id": f"c{number}", **_row(days, values, float(cutoff))}
            for cutoff in cutoffs
            if (days < cutoff).any()
        ]
    frame = pd.DataFrame(rows).sort_values(["cutoff_us", "customer_id"], ignore_index=True)
    columns = dict.fromkeys([*names(VALUE), *names(CHURN)])
    return frame.assign(**{name: 0.0 for name in columns if name not in frame})


def _row(days: np.ndarray, values: np.ndarray, cutoff: float) -> dict[str, float]:
    past, worth = days[days < cutoff], values[days < cutoff]
    coming = (days >= cutoff) & (days < cutoff + HORIZON_DAYS)
    gaps = np.diff(past)
    windows = {
        f"{name}_{width}d": float(weights[past >= cutoff - width].sum())
        for width in (30, 90, 365)
        for name, weights in (("orders", np.ones(len(past))), ("revenue_minor", worth))
    }
    gap = float(gaps.mean()) if len(gaps) else 365.0
    return {
        "cutoff_us": int(cutoff) * DAY_US,
        "recency_days": cutoff - past[-1],
        "tenure_days": cutoff - past[0],
        "orders_total": float(len(past)),
        "revenue_minor_total": float(worth.sum()),
        **windows,
        "gap_mean_days": gap,
        "gap_last_days": float(gaps[-1]) if len(gaps) else 365.0,
        "overdue_ratio": (cutoff - past[-1] + 1) / (gap + 1),
        ahead.ORDERS: float(coming.sum()),
        ahead.REVENUE: float(values[coming].sum()),
        ahead.DAYS: float(days[coming][0] - cutoff) if coming.any() else np.nan,
    }
