"""How many orders, of what worth: the BG/NBD for how often, gamma-gamma for how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from features.definitions.orders import ORDERS_TOTAL, REVENUE_TOTAL
from models.bg_nbd import BgNbd, Orders
from models.calibration import Floats
from models.gamma_gamma import GammaGamma
from models.rules import columns_of

DAYS: Final = 90.0  # that its columns for trees look ahead
COLUMNS: Final = ("btyd_alive", "btyd_any", "btyd_orders", "btyd_value", "btyd_spend")


@dataclass(frozen=True, slots=True)
class Btyd:
    """Both models, fitted on the same customers. Needs no label: it reads past orders only."""

    orders: BgNbd
    worth: GammaGamma

    @classmethod
    def fit(cls, frame: pd.DataFrame) -> Self:
        """Learn both from the features of who has an order, as of one cut-off.

        Raises:
            NotEnoughDataError: Too few customers, or nobody ordered twice.
        """
        total, mean = _values(frame)
        return cls(BgNbd.fit(Orders.of(frame)), GammaGamma.fit(total, mean))

    def expected_orders(self, frame: pd.DataFrame, days: float) -> Floats:
        """Return how many orders to expect within `days` of the cut-off."""
        return self.orders.expected_orders(Orders.of(frame), days)

    def order_value(self, frame: pd.DataFrame) -> Floats:
        """Return the mean order value to expect, in minor units."""
        return self.worth.mean(*_values(frame))

    def columns(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what both say of the next 90 days, for trees to learn from: `COLUMNS`."""
        orders = Orders.of(frame)
        expected, value = self.orders.expected_orders(orders, DAYS), self.order_value(frame)
        columns = (
            self.orders.p_alive(orders),
            self.orders.p_order(orders, DAYS),
            expected,
            value,
            expected * value,
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=frame.index)

    def numbers(self) -> dict[str, dict[str, float]]:
        """Return the learnt numbers."""
        return {"orders": asdict(self.orders), "worth": asdict(self.worth)}

    @classmethod
    def of(cls, numbers: dict[str, Any]) -> Self:
        """Return the model of `numbers`."""
        return cls(BgNbd(**numbers["orders"]), GammaGamma(**numbers["worth"]))


def _values(frame: pd.DataFrame) -> tuple[Floats, Floats]:
    features = (ORDERS_TOTAL.name, REVENUE_TOTAL.name)
    total, revenue = columns_of(frame, features, where="models.btyd").T
    total = np.maximum(total, 1.0)
    return total, np.maximum(revenue, 0.0) / total
