"""How much of the trees goes into the value: half, unless earlier months say otherwise for sure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from core import columns as c
from core.clock import DAY, MICROSECOND
from features import ahead
from models.gate import paired_bootstrap
from models.value import EXPECTED_SPEND_90D, ValueModel
from models.value_metrics import gini

MEAN: Final = 0.5
_OTHERS: Final = (1.0, 0.0)  # trees alone, the BG/NBD with gamma-gamma alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The model, and what was found on the way."""

    model: ValueModel
    notes: tuple[str, ...]


def fit_value(frame: pd.DataFrame, *, now: pd.DataFrame, horizon: timedelta, seed: int) -> Fitted:
    """Fit the value; choose what the mean is made of on the last cut-off learnt from.

    One side alone is taken where it beats the mean on that cut-off, the whole 95 % interval above
    0, by models that learnt from cut-offs at least one horizon before. The test slice is not seen.

    Args:
        frame: Features and labels as of several cut-offs, from `features.ahead`.
        now: Features as of the latest cut-off, for what needs no labels.
        horizon: How far labels look ahead.
        seed: Of every draw.
    """
    days = horizon / DAY
    model = ValueModel.fit(frame, now=now, seed=seed, days=days)
    at = frame[c.CUTOFF_US]
    before = frame[at <= at.max() - horizon // MICROSECOND]
    if not (before[ahead.ORDERS] > 0).any():
        return Fitted(model=model, notes=("no earlier cut-off to choose the mean on: half trees",))
    judge = frame[at == at.max()]
    probe = ValueModel.fit(before, now=judge, seed=seed, days=days)

    def pairs(share: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        expected = replace(probe, share=share).predict(judge)[EXPECTED_SPEND_90D]
        return np.column_stack([judge[ahead.REVENUE], expected])

    mean = pairs(MEAN)
    for share in _OTHERS:
        gain = paired_bootstrap(pairs(share), mean, metric=gini, seed=seed)
        if gain.low > 0:
            alone = "trees alone" if share else "the BG/NBD with gamma-gamma alone"
            note = (
                f"{alone}: beat the mean of both by {gain} in gini at the last cut-off learnt from"
            )
            return Fitted(model=replace(model, share=share), notes=(note,))
    return Fitted(model=model, notes=("the mean of trees and BG/NBD with gamma-gamma",))
