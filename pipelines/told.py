"""What is said of all customers, output by output, and why where there is nothing to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from profiles.profile import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of all customers of a frame, each list in its order.

    `why` says why a value is null, empty where it is not; `reasons` what a value rests on.
    """

    outputs: dict[str, list[Value]] = field(default_factory=dict)
    why: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: Told) -> None:
        """Take up what another model says."""
        self.outputs.update(other.outputs)
        self.why.update(other.why)
        self.reasons.update(other.reasons)

    def hold(self, narrow: str, wide: str) -> None:
        """Raise a probability to that of what it contains: models learnt apart are each a bit off.

        Args:
            narrow: The output of what happens only where the other does.
            wide: The output that is raised.
        """
        pairs = zip(self.outputs[narrow], self.outputs[wide], strict=True)
        self.outputs[wide] = [
            max(least, most) if isinstance(least, float) and isinstance(most, float) else most
            for least, most in pairs
        ]


def numbers(found: pd.DataFrame, undefined: Mapping[str, str]) -> Told:
    """Return columns of numbers, null where they are undefined, with the reason there is.

    Args:
        found: A row per customer; nan is undefined.
        undefined: Why a column is, by its name.
    """
    told = Told()
    for name, column in found.items():
        each = column.to_numpy(dtype=np.float64)
        told.outputs[str(name)] = [None if math.isnan(one) else one for one in each.tolist()]
        why = undefined.get(str(name), "undefined")
        told.why[str(name)] = np.where(np.isnan(each), why, "").tolist()
    return told


def dates(as_of: datetime, days: NDArray[np.float64]) -> list[Value]:
    """Return the day so many days ahead, as a date; None where it is undefined."""
    return [
        None if math.isnan(each) else f"{as_of + timedelta(days=each):%Y-%m-%d}"
        for each in days.tolist()
    ]
