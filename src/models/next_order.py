"""When the next order comes, if it comes within 90 days: a median and bounds, learnt from gaps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import lightgbm as lgb
import numpy as np

from core.errors import NotEnoughDataError
from models.calibration import Floats
from models.slow_trees import Bounds, grow, predicted, quantile

MIN_ORDERS: Final = 100
_ROUNDS: Final = 150
_NAMES: Final = ("next_middle", "next_low", "next_high")


class Wait(NamedTuple):
    """Days from the cut-off; NaN where there is no answer."""

    middle: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class NextOrder:
    """Quantile trees on the logarithm of the days until the next order.

    Of who ordered within the horizon only: the others say when they do not order, not when they do.
    """

    middle: lgb.Booster
    bounds: Bounds
    longest: float  # days: the horizon

    @classmethod
    def fit(
        cls,
        rows: Floats,
        days: Floats,
        held_out: np.ndarray[Any, Any],
        *,
        longest: float,
        seed: int,
    ) -> Self:
        """Learn from rows of features and the days until the next order, NaN where none came.

        Raises:
            NotEnoughDataError: Fewer than 100 of them ordered.
        """
        came = np.isfinite(days)
        if came.sum() < MIN_ORDERS or not held_out[came].any():
            raise NotEnoughDataError(
                f"{int(came.sum()):,} next orders are too few to learn when they come; "
                f"{MIN_ORDERS} are needed. Import a longer history."
            )
        rows, log = rows[came], np.log1p(days[came])
        middle = grow(rows, log, quantile(0.5), seed=seed, rounds=_ROUNDS)
        return cls(middle, Bounds.fit(rows, days[came], held_out[came], seed=seed), longest)

    def __call__(self, rows: Floats) -> Wait:
        """Return when to expect each customer, if they come within the horizon."""
        low, high = self.bounds(rows)
        middle = np.clip(np.expm1(predicted(self.middle, rows)), 0.0, self.longest)
        return Wait(middle, np.minimum(low, middle), np.clip(high, middle, self.longest))

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the trees as LightGBM text; return the rest, for the owner's JSON."""
        trees = (self.middle, self.bounds.low, self.bounds.high)
        for name, one in zip(_NAMES, trees, strict=True):
            (folder / f"{name}.txt").write_text(one.model_to_string(), encoding="utf-8")
        return {"moves": (self.bounds.lower, self.bounds.higher), "longest": self.longest}

    @classmethod
    def load(cls, folder: Path, rest: dict[str, Any]) -> Self:
        """Read what `save` wrote and returned."""
        middle, low, high = (
            lgb.Booster(model_str=(folder / f"{name}.txt").read_text(encoding="utf-8"))
            for name in _NAMES
        )
        return cls(middle, Bounds(low, high, *rest["moves"]), rest["longest"])
