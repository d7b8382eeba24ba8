"""Who is gone, by their own rhythm, and when the others come again.

The probability is the mean of the BG/NBD and of trees, which is surer than either.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

import numpy as np
import pandas as pd

from core import columns as c
from core.errors import NotEnoughDataError
from features import ahead
from features.feature import names
from features.registry import CHURN
from models.bg_nbd import Orders
from models.churn_outputs import P_ALIVE, WINDOW, churned, outputs
from models.churn_rules import ChurnRule
from models.next_order import NextOrder
from models.propensity import Params, PropensityModel
from models.rhythm import LONGEST
from models.rules import columns_of
from models.slow_trees import held_out

MIN_OF_A_CLASS: Final = 100
_FILE: Final = "churn.json"
_KNOWN: Final = tuple(names(CHURN))
_OWN: Final = ("rhythm_days", WINDOW, "silence", P_ALIVE, "p_order_in_window")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnModel:
    """The fitted model. `predict` needs the features of `features.registry.CHURN`."""

    kind: ClassVar[str] = "churn"
    rule: ChurnRule  # by BG/NBD
    trees: PropensityModel
    next_order: NextOrder
    share: float = 0.5  # of the trees in the mean; 0 is the BG/NBD alone

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, *, now: pd.DataFrame, seed: int, longest: float = LONGEST
    ) -> Self:
        """Learn from what came after each cut-off of `frame`.

        Args:
            frame: Features and labels as of several cut-offs, from `features.ahead`.
            now: Features as of the latest cut-off there is: the BG/NBD needs no labels.
            seed: Of every draw.
            longest: How many days labels look ahead: the longest window.

        Raises:
            NotEnoughDataError: Fewer than 100 who are gone or 100 who are not, or too few orders.
        """
        rule = ChurnRule.fit(frame, now=now, by="bg-nbd", longest=longest)
        label = churned(frame, rule.rhythm)
        rows = with_rhythm(frame, rule).assign(**{c.LABEL: label})
        gone = int(label.sum())
        if min(gone, len(rows) - gone) < MIN_OF_A_CLASS:
            raise NotEnoughDataError(
                f"{gone:,} of {len(rows):,} examples (a customer at a cut-off) are gone after; "
                f"at least {MIN_OF_A_CLASS} who are and as many who are not are needed."
            )
        trees = PropensityModel.fit(rows, features=(*_KNOWN, *_OWN), params=Params(), seed=seed)
        held = held_out(frame[c.CUSTOMER_ID].to_numpy(dtype=str), seed=seed)
        return cls(
            rule=rule,
            trees=trees,
            next_order=NextOrder.fit(
                columns_of(rows, (*_KNOWN, *_OWN), where="models.churn"),
                frame[ahead.DAYS].to_numpy(dtype=np.float64),
                held,
                longest=longest,
                seed=seed,
            ),
        )

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a row per row of `frame`: how sure it is that they are gone, and when they come.

        The next order is NaN for who is likelier gone than not. Else it is the day in the middle,
        with bounds, if the customer orders within 90 days.

        Raises:
            MissingColumnsError: A feature is not there.
            DataError: A value is not a finite number.
        """
        rows = with_rhythm(frame, self.rule)
        values = columns_of(rows, (*_KNOWN, *_OWN), where="models.churn")
        return outputs(
            frame,
            p_churn=self.share * self.trees.predict(rows)
            + (1 - self.share) * self.rule.p_churn(frame),
            p_alive=rows[P_ALIVE].to_numpy(dtype=np.float64),
            window=rows[WINDOW].to_numpy(dtype=np.float64),
            wait=self.next_order(values),
        )

    def save(self, folder: Path) -> None:
        """Write the trees as LightGBM text and the rest as JSON."""
        self.trees.save(folder)
        rest = {
            "definition": self.rule.rhythm.definition,
            "rule": asdict(self.rule),
            "next_order": self.next_order.save(folder),
            "share": self.share,
        }
        (folder / _FILE).write_text(json.dumps(rest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        rest = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return cls(
            rule=ChurnRule.of(rest["rule"]),
            trees=PropensityModel.load(folder),
            next_order=NextOrder.load(folder, rest["next_order"]),
            share=rest["share"],
        )


def with_rhythm(frame: pd.DataFrame, rule: ChurnRule) -> pd.DataFrame:
    """Return the frame with what rhythm and BG/NBD say of each customer."""
    known, window = Orders.of(frame), rule.rhythm.window(frame)
    columns = (
        rule.rhythm.days(frame),
        window,
        rule.rhythm.silence(frame),
        rule.orders.p_alive(known),
        rule.orders.p_order(known, window),
    )
    return frame.assign(**dict(zip(_OWN, columns, strict=True)))
