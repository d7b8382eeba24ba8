"""A customer's own rhythm of orders, and after how long a silence we call them gone.

The rhythm is the customer's mean gap between orders, drawn towards the shop's where there are few
gaps to go by. The churn window is three times that, at least 30 and at most 90 days: who buys
weekly is missed after a month, who buys every other month after a quarter. It is known at the
cut-off, and a label is complete 90 days after it, so nothing has to be guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from features.definitions.orders import GAP_MEAN, ORDERS_TOTAL, RECENCY_DAYS
from models.calibration import Floats
from models.rules import columns_of

TIMES: Final = 3.0  # own rhythms without an order
SHORTEST: Final = 30.0  # days
LONGEST: Final = 90.0
_TRUST: Final = 2.0  # own gaps that weigh as much as the shop's
FEATURES: Final = (ORDERS_TOTAL.name, GAP_MEAN.name, RECENCY_DAYS.name)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is learnt of the shop: the gap of the customer in the middle, in days."""

    shop: float
    longest: float = LONGEST  # window: as far as labels look ahead

    @classmethod
    def fit(cls, frame: pd.DataFrame, *, longest: float = LONGEST) -> Self:
        """Learn it from who ordered twice; where nobody did, it is the longest window."""
        total, gap, _ = columns_of(frame, FEATURES, where="models.rhythm").T
        again = gap[total >= 2]
        return cls(float(np.median(again)) if len(again) else longest, longest)

    @property
    def definition(self) -> str:
        """Who is gone, in words."""
        return (
            f"no order within {TIMES:.0f} times the customer's own mean gap between orders, drawn "
            f"towards the shop's where there are few, at least {SHORTEST:.0f} and at most "
            f"{self.longest:.0f} days"
        )

    def days(self, frame: pd.DataFrame) -> Floats:
        """Return each customer's rhythm, in days."""
        total, gap, _ = columns_of(frame, FEATURES, where="models.rhythm").T
        gaps = np.maximum(total - 1, 0.0)
        drawn = (gaps * np.where(gaps > 0, gap, 0.0) + _TRUST * self.shop) / (gaps + _TRUST)
        return np.asarray(drawn, dtype=np.float64)

    def window(self, frame: pd.DataFrame) -> Floats:
        """Return after how many days without an order each customer counts as gone."""
        return np.asarray(
            np.clip(TIMES * self.days(frame), SHORTEST, self.longest), dtype=np.float64
        )

    def silence(self, frame: pd.DataFrame) -> Floats:
        """Return the days since the last order, in own rhythms."""
        recency = columns_of(frame, (RECENCY_DAYS.name,), where="models.rhythm")[:, 0]
        return np.asarray(recency / np.maximum(self.days(frame), 1.0), dtype=np.float64)

    def due(self, frame: pd.DataFrame) -> Floats:
        """Return in how many days the next order is due by the own mean gap, 0: overdue."""
        total, gap, recency = columns_of(frame, FEATURES, where="models.rhythm").T
        due = np.where(total >= 2, gap, self.shop) - recency
        return np.asarray(np.maximum(due, 0.0), dtype=np.float64)
