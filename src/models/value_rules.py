"""The simple rules that value must beat, with the same outputs as the model itself.

Each expects of a customer what a marketer would work out by hand, brought to the level of what
customers really ordered and spent in the 90 days after. Rules have no bounds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
import pandas as pd

from features import ahead
from features.definitions.orders import ORDERS_TOTAL, REVENUE_TOTAL, TENURE_DAYS
from features.registry import ORDERS, REVENUE
from models.btyd import DAYS
from models.calibration import Floats, Sigmoid
from models.rules import RfmSum, columns_of
from models.value import YEAR, values_of

_FILE: Final = "value_rule.json"


@dataclass(frozen=True, slots=True)
class PastSpend:
    """The next 90 days are like those before: of the whole time as a customer, or the last 90.

    The whole time counts as 90 days at least, so that a first order of yesterday is not 90 orders.
    """

    kind: ClassVar[str] = "past-spend"
    recent: bool
    orders: float  # real over past ones, of all customers
    spend: float

    @classmethod
    def fit(cls, frame: pd.DataFrame, *, recent: bool, days: float = DAYS) -> Self:
        """Learn the level from what came within `days` of each cut-off, from `features.ahead`."""
        orders, spend = cls(recent, 1.0, 1.0)._past(frame)
        return cls(
            recent,
            float(frame[ahead.ORDERS].sum() / max(orders.sum(), 1e-12) * DAYS / days),
            float(frame[ahead.REVENUE].sum() / max(spend.sum(), 1e-12) * DAYS / days),
        )

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row of values per row of `frame`."""
        orders, spend = self._past(frame)
        return _values(frame, orders * self.orders, spend * self.spend)

    def _past(self, frame: pd.DataFrame) -> tuple[Floats, Floats]:
        lately = (ORDERS[1].name, REVENUE[1].name)
        ever = (ORDERS_TOTAL.name, REVENUE_TOTAL.name, TENURE_DAYS.name)
        where = "models.value_rules"
        if self.recent:
            orders, spend = columns_of(frame, lately, where=where).T
            return orders, spend
        orders, spend, age = columns_of(frame, ever, where=where).T
        periods = np.maximum(age, DAYS) / DAYS
        return orders / periods, spend / periods

    def save(self, folder: Path) -> None:
        """Write the learnt numbers."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**_read(folder))


@dataclass(frozen=True, slots=True)
class RfmValue:
    """What customers of the same sum of RFM points ordered and spent on average."""

    kind: ClassVar[str] = "rfm-value"
    rule: RfmSum
    scores: tuple[float, ...]  # the rule's probabilities, one per sum of points, rising
    orders: tuple[float, ...]
    spend: tuple[float, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, *, days: float = DAYS) -> Self:
        """Learn the points, then the means, from what came within `days`: `features.ahead`."""
        rule = RfmSum.fit(frame, (frame[ahead.ORDERS] > 0).to_numpy())
        means = (
            frame.groupby(rule.predict(frame))[[ahead.ORDERS, ahead.REVENUE]].mean() * DAYS / days
        )
        columns = (means.index, means[ahead.ORDERS], means[ahead.REVENUE])
        scores, orders, spend = (tuple(float(each) for each in column) for column in columns)
        return cls(rule, scores, orders, spend)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row of values per row of `frame`."""
        score = self.rule.predict(frame)
        orders, spend = (np.interp(score, self.scores, each) for each in (self.orders, self.spend))
        return _values(frame, orders, spend)

    def save(self, folder: Path) -> None:
        """Write points and means."""
        _write(folder, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        found = _read(folder)
        edges = tuple(tuple(column) for column in found["rule"]["edges"])
        return cls(
            RfmSum(edges=edges, sigmoid=Sigmoid(**found["rule"]["sigmoid"])),
            *(tuple(found[name]) for name in ("scores", "orders", "spend")),
        )


def _values(frame: pd.DataFrame, orders: Floats, spend: Floats) -> pd.DataFrame:
    none = np.full(len(frame), np.nan)
    year = np.full(len(frame), YEAR / DAYS)
    return values_of(frame, orders=orders, spend=spend, year=year, low=none, high=none)


def _write(folder: Path, content: dict[str, object]) -> None:
    text = json.dumps(content, indent=1, sort_keys=True)
    (folder / _FILE).write_text(text + "\n", encoding="utf-8")


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return found
