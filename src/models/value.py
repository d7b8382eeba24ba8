"""What customers will order and spend: the BG/NBD with gamma-gamma, averaged with trees.

Each alone ranks about as well as the other; their mean ranks better than either. Amounts are in
minor units of the shop's base currency.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import lightgbm as lgb
import numpy as np
import pandas as pd

from core import columns as c
from features import ahead
from features.definitions.orders import GAP_MEAN, ORDERS_TOTAL, REFUNDED_TOTAL, REVENUE_TOTAL
from features.feature import names
from features.registry import VALUE
from models.btyd import DAYS, Btyd
from models.calibration import Floats
from models.rules import columns_of
from models.slow_trees import Bounds, grow, held_out, predicted

EXPECTED_ORDERS_90D: Final = "expected_orders_90d"
EXPECTED_ORDERS_365D: Final = "expected_orders_365d"
EXPECTED_SPEND_90D: Final = "expected_spend_90d"
SPEND_P10: Final = "expected_spend_90d_p10"
SPEND_P90: Final = "expected_spend_90d_p90"
HISTORIC_VALUE: Final = "historic_value"
PREDICTED_VALUE_365D: Final = "predicted_value_365d"
TOTAL_VALUE: Final = "total_value"
AVERAGE_ORDER_VALUE: Final = "average_order_value"
AVERAGE_DAYS: Final = "average_days_between_orders"
OUTPUTS: Final = (
    EXPECTED_ORDERS_90D,
    EXPECTED_ORDERS_365D,
    EXPECTED_SPEND_90D,
    SPEND_P10,
    SPEND_P90,
    HISTORIC_VALUE,
    PREDICTED_VALUE_365D,
    TOTAL_VALUE,
    AVERAGE_ORDER_VALUE,
    AVERAGE_DAYS,
)
YEAR: Final = 365.0
_SEEDS: Final = 3  # trees of one draw depend on it more than they need to
_ROUNDS: Final = 200
_FILE: Final = "value.json"
_TREES: Final = names(VALUE)
_TWEEDIE: Final = {"objective": "tweedie", "tweedie_variance_power": 1.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueModel:
    """The fitted model. `predict` needs the features of `features.registry.VALUE`."""

    kind: ClassVar[str] = "value"
    btyd: Btyd
    orders: tuple[lgb.Booster, ...]
    spend: tuple[lgb.Booster, ...]
    bounds: Bounds
    days: float = DAYS  # that the labels looked ahead
    share: float = 0.5  # of the trees in the mean; 0 is the BG/NBD with gamma-gamma alone

    @classmethod
    def fit(cls, frame: pd.DataFrame, *, now: pd.DataFrame, seed: int, days: float = DAYS) -> Self:
        """Learn from what came after each cut-off of `frame`.

        Args:
            frame: Features and labels as of one or more cut-offs, from `features.ahead`.
            now: Features as of the latest cut-off there is, whose labels may still be open: the
                BG/NBD needs none.
            seed: Of the trees' draws, and of who is held out for the bounds.
            days: How far labels look ahead.

        Raises:
            NotEnoughDataError: Too few customers, or nobody ordered twice.
        """
        btyd = Btyd.fit(now)
        rows = _rows(btyd, frame)
        orders, spend = (frame[each].to_numpy(np.float64) for each in (ahead.ORDERS, ahead.REVENUE))
        held = held_out(frame[c.CUSTOMER_ID].to_numpy(dtype=str), seed=seed)

        def trees(label: Floats) -> tuple[lgb.Booster, ...]:
            draws = range(seed, seed + _SEEDS)
            return tuple(grow(rows, label, _TWEEDIE, seed=n, rounds=_ROUNDS) for n in draws)

        return cls(
            btyd=btyd,
            orders=trees(orders),
            spend=trees(spend),
            bounds=Bounds.fit(rows, spend, held, seed=seed),
            days=days,
        )

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row of values per row of `frame`.

        The year is the 90 days stretched as the BG/NBD says that orders of this customer thin
        out: hardly a shop has two years of history, which learning it would take. Bounds hold the
        expectation, which may lie above nine customers in ten where few spend much.

        Raises:
            MissingColumnsError: A feature is not there.
            DataError: A value is not a finite number.
        """
        rows = _rows(self.btyd, frame)
        plain = self.btyd.expected_orders(frame, self.days)
        to_90 = self._times(frame, DAYS, self.days)
        learnt = (
            np.mean([predicted(one, rows) for one in trees], axis=0)
            for trees in (self.orders, self.spend)
        )
        own = (plain, plain * self.btyd.order_value(frame))
        orders, spend = (
            self.share * trees + (1 - self.share) * other
            for trees, other in zip(learnt, own, strict=True)
        )
        low, high = self.bounds(rows)
        return values_of(
            frame,
            orders=orders * to_90,
            spend=spend * to_90,
            year=self._times(frame, YEAR, DAYS),
            low=np.minimum(low, spend) * to_90,
            high=np.maximum(high, spend) * to_90,
        )

    def looked_at(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what the trees look at: features, and what BG/NBD and gamma-gamma say."""
        return frame[list(_TREES)].join(self.btyd.columns(frame))

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each column of `looked_at` moves the spend that trees expect, in logs."""
        rows = _rows(self.btyd, frame)
        moved = [np.asarray(one.predict(rows, pred_contrib=True)) for one in self.spend]
        return np.asarray(np.mean(moved, axis=0)[:, :-1], dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM text and the rest as JSON."""
        for name, trees in self._trees().items():
            (folder / f"{name}.txt").write_text(trees.model_to_string(), encoding="utf-8")
        rest = {
            "btyd": self.btyd.numbers(),
            "moves": (self.bounds.lower, self.bounds.higher),
            "days": self.days,
            "share": self.share,
            "trees": (len(self.orders), len(self.spend)),
        }
        (folder / _FILE).write_text(json.dumps(rest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""

        def trees(name: str) -> lgb.Booster:
            return lgb.Booster(model_str=(folder / f"{name}.txt").read_text(encoding="utf-8"))

        rest = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        orders, spend = rest["trees"]
        return cls(
            btyd=Btyd.of(rest["btyd"]),
            orders=tuple(trees(f"orders_{number}") for number in range(orders)),
            spend=tuple(trees(f"spend_{number}") for number in range(spend)),
            bounds=Bounds(trees("low"), trees("high"), *rest["moves"]),
            days=rest["days"],
            share=rest["share"],
        )

    def _times(self, frame: pd.DataFrame, days: float, of: float) -> Floats:
        """Return how many times as much a longer time is, as the BG/NBD thins orders out."""
        shorter = np.maximum(self.btyd.expected_orders(frame, of), 1e-12)
        times = self.btyd.expected_orders(frame, days) / shorter
        return np.asarray(np.clip(times, 1.0, days / of), dtype=np.float64)

    def _trees(self) -> dict[str, lgb.Booster]:
        return {
            **{f"orders_{number}": one for number, one in enumerate(self.orders)},
            **{f"spend_{number}": one for number, one in enumerate(self.spend)},
            "low": self.bounds.low,
            "high": self.bounds.high,
        }


def values_of(
    frame: pd.DataFrame, *, orders: Floats, spend: Floats, year: Floats, low: Floats, high: Floats
) -> pd.DataFrame:
    """Return all outputs, of what is expected in 90 days and what is known.

    Args:
        frame: Features of `features.registry.VALUE`.
        orders: Expected within 90 days.
        spend: Expected within 90 days, minor units.
        year: How many times as much a year is.
        low: The spend's lower bound, NaN where there is none.
        high: Its upper bound.
    """
    known = known_of(frame)
    historic = known[HISTORIC_VALUE].to_numpy()
    columns = {
        EXPECTED_ORDERS_90D: orders,
        EXPECTED_ORDERS_365D: orders * year,
        EXPECTED_SPEND_90D: spend,
        SPEND_P10: low,
        SPEND_P90: high,
        HISTORIC_VALUE: historic,
        PREDICTED_VALUE_365D: spend * year,
        TOTAL_VALUE: historic + spend * year,
    }
    return pd.concat(
        [pd.DataFrame(columns, index=frame.index), known.drop(columns=HISTORIC_VALUE)], axis=1
    )


def known_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of value without a model: what was spent, and how often, so far."""
    needed = (ORDERS_TOTAL, REVENUE_TOTAL, REFUNDED_TOTAL, GAP_MEAN)
    total, revenue, refunded, gap = columns_of(frame, tuple(names(needed)), where="models.value").T
    columns = {
        HISTORIC_VALUE: revenue - refunded,
        AVERAGE_ORDER_VALUE: revenue / np.maximum(total, 1.0),
        AVERAGE_DAYS: np.where(total >= 2, gap, np.nan),
    }
    return pd.DataFrame(columns, index=frame.index)


def _rows(btyd: Btyd, frame: pd.DataFrame) -> Floats:
    own = columns_of(frame, tuple(_TREES), where="models.value")
    return np.hstack([own, btyd.columns(frame).to_numpy()])
