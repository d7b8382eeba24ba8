"""The simple rules that churn must beat, with the same outputs as the model itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
import pandas as pd

from features.definitions.orders import RECENCY_DAYS
from models.bg_nbd import BgNbd, Orders
from models.calibration import Floats, Sigmoid, log_odds
from models.churn_outputs import churned, outputs
from models.next_order import Wait
from models.rhythm import LONGEST, Rhythm
from models.rules import columns_of

By = Literal["silence", "recency", "bg-nbd"]
BY: Final[tuple[By, ...]] = ("silence", "recency", "bg-nbd")
_FILE: Final = "churn_rule.json"


@dataclass(frozen=True, slots=True)
class ChurnRule:
    """One score, brought to a probability; the next order is due one own mean gap after the last.

    By silence: days since the last order in own rhythms. By recency: the days themselves. By
    BG/NBD: its probability of no order within the window.
    """

    kind: ClassVar[str] = "churn-rule"
    by: By
    orders: BgNbd
    rhythm: Rhythm
    sigmoid: Sigmoid

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, *, now: pd.DataFrame, by: By, longest: float = LONGEST
    ) -> Self:
        """Learn from `features.ahead`; `now` as `models.churn.ChurnModel.fit` takes it."""
        rhythm, orders = Rhythm.fit(frame, longest=longest), BgNbd.fit(Orders.of(now))
        score = _score(by, frame, rhythm, orders)
        return cls(by, orders, rhythm, Sigmoid.fit(score, churned(frame, rhythm)))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row per row of `frame`, with the columns of `models.churn_outputs`."""
        none = np.full(len(frame), np.nan)
        return outputs(
            frame,
            p_churn=self.p_churn(frame),
            p_alive=self.orders.p_alive(Orders.of(frame)),
            window=self.rhythm.window(frame),
            wait=Wait(self.rhythm.due(frame), none, none),
        )

    def p_churn(self, frame: pd.DataFrame) -> Floats:
        """Return the probability of no order within the window, one per row."""
        return self.sigmoid(_score(self.by, frame, self.rhythm, self.orders))

    def save(self, folder: Path) -> None:
        """Write the learnt numbers."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        (folder / _FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls.of(json.loads((folder / _FILE).read_text(encoding="utf-8")))

    @classmethod
    def of(cls, numbers: dict[str, Any]) -> Self:
        """Return the rule of its numbers, as `dataclasses.asdict` gives them."""
        return cls(
            numbers["by"],
            BgNbd(**numbers["orders"]),
            Rhythm(**numbers["rhythm"]),
            Sigmoid(**numbers["sigmoid"]),
        )


def _score(by: By, frame: pd.DataFrame, rhythm: Rhythm, orders: BgNbd) -> Floats:
    match by:
        case "silence":
            return np.log1p(rhythm.silence(frame))
        case "recency":
            days = columns_of(frame, (RECENCY_DAYS.name,), where="models.churn_rules")[:, 0]
            return np.log1p(days)
        case "bg-nbd":
            return -log_odds(orders.p_order(Orders.of(frame), rhythm.window(frame)))
