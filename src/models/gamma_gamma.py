"""What a customer's orders are worth: the gamma-gamma model of the mean order value.

Orders vary around a mean of the customer's own, the means vary between customers. So the mean of
few orders is drawn towards the shop's, that of many is trusted.

Source:
    Fader & Hardie, "The gamma-gamma model of monetary value", 2013 (brucehardie.com, note 025).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from core.errors import DataError, NotEnoughDataError
from models.calibration import Floats

LADDER: Final = (0.0, 0.001, 0.01, 0.1)
MIN_CUSTOMERS: Final = 20
_MOST: Final = 50_000
_FARTHEST: Final = 9.0


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The fitted model; `v` is in the unit of the values. `q` is above 1: the mean is finite."""

    p: float
    q: float
    v: float
    penalty: float = 0.0

    @classmethod
    def fit(cls, orders: Floats, value: Floats, *, seed: int = 0) -> Self:
        """Find the likeliest three numbers, with a penalty where they would run away.

        Args:
            orders: Orders per customer, at least 1.
            value: Mean value of these orders. Who paid nothing is left out.
            seed: Of the customers drawn where there are very many.

        Raises:
            NotEnoughDataError: Fewer than 20 customers paid something.
            DataError: A value is not finite.
        """
        if not (np.isfinite(orders).all() and np.isfinite(value).all()):
            raise DataError("models.gamma_gamma: numbers and values of orders must be finite.")
        paid = np.flatnonzero((orders > 0) & (value > 0))
        if len(paid) < MIN_CUSTOMERS:
            raise NotEnoughDataError(
                f"{len(paid):,} customers with an order of some value are too few to learn what "
                "orders are worth. Import more orders."
            )
        if len(paid) > _MOST:
            paid = np.random.default_rng(seed).choice(paid, _MOST, replace=False)
        unit = float(value[paid].mean())
        for penalty in LADDER:
            found = _arrived(orders[paid], value[paid] / unit, penalty)
            if found is not None:
                p, above, v = found.tolist()
                return cls(p, 1 + above, v * unit, penalty)
        raise NotEnoughDataError("no distribution of order values could be fitted.")

    def mean(self, orders: Floats, value: Floats) -> Floats:
        """Return the mean order value to expect; of who paid nothing yet, the shop's."""
        orders = np.where(value > 0, orders, 0.0)
        drawn = self.p * (self.v + orders * value) / (self.p * orders + self.q - 1)
        return np.asarray(drawn, dtype=np.float64)


def _arrived(orders: Floats, value: Floats, penalty: float) -> Floats | None:
    """Minimise over the logarithms of p, q - 1 and v; None where one runs away."""
    total, log_value = orders * value, np.log(value)

    def loss(logs: Floats) -> float:
        p, above, v = np.exp(logs)
        q, shape = 1 + above, p * orders
        likely = (
            gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
            + (shape - 1) * log_value + shape * np.log(orders) - (shape + q) * np.log(v + total)
        )  # fmt: skip
        worth = -float(likely.mean()) + penalty * float(logs @ logs)
        return worth if np.isfinite(worth) else 1e10

    found = minimize(
        loss,
        np.zeros(3),
        method="L-BFGS-B",
        bounds=[(-_FARTHEST, _FARTHEST)] * 3,
        options={"ftol": 1e-13, "gtol": 1e-7},
    )
    if found.fun >= 1e10 or np.abs(found.x).max() > _FARTHEST - 0.01:
        return None
    return np.asarray(np.exp(found.x), dtype=np.float64)
