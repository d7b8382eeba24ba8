"""Why a customer has the score they have: the strongest contributions, in words.

A contribution is how far a feature moves the score (before the sigmoid) away from that of an
ordinary customer. For the trees they are Shapley values, which LightGBM works out itself; for a
rule, its weight times the distance from the middle. Both add up to the score.

Source:
    Lundberg et al., "From local explanations to global understanding with explainable AI for
    trees", Nature Machine Intelligence 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import DataError
from features.definitions.orders import GAP_MEAN, OVERDUE_DAYS, OVERDUE_RATIO
from features.shop import Shop
from models.calibration import Floats
from models.feature_words import told, words_of

RAISES: Final = "raises"
LOWERS: Final = "lowers"
_AT_ONCE: Final = 20_000  # customers whose contributions are in memory together
_SHOP: Final = Shop()


@runtime_checkable
class Explains(Protocol):
    """A model that can say what moved its scores."""

    @property
    def features(self) -> Sequence[str]:
        """Names of its features."""
        ...

    def contributions(self, frame: pd.DataFrame) -> Floats:
        """Return how far each feature moved each score, shape (n, n_features)."""
        ...


def reasons_of(
    model: object, frame: pd.DataFrame, top: int = 3, *, shop: Shop = _SHOP
) -> list[list[str]]:
    """Say what raises and what lowers the score of each customer, the strongest first.

    Features of one theme (orders in 30 days, in 90 days, ever) tell one story: what they contribute
    is added up, and one that moves in that direction speaks for them. What does not move the score
    is no reason.

    Args:
        model: The served model. One that cannot explain itself gives no reasons.
        frame: One row per customer, with the model's features.
        top: At most so many reasons.
        shop: Its currency, for amounts.

    Returns:
        One list per row of `frame`, such as ``["raises: ordered 3 times in 90 days"]``.

    Raises:
        MissingColumnsError: A feature is not there.
        DataError: A value is not a finite number, or `top` is below 1.
    """
    if top < 1:
        raise DataError(f"at least one reason can be asked for, got top={top}.")
    if not isinstance(model, Explains):
        return [[] for _ in range(len(frame))]
    reasons: list[list[str]] = []
    for start in range(0, len(frame), _AT_ONCE):
        reasons += _reasons(model, frame.iloc[start : start + _AT_ONCE], top, shop)
    return reasons


def _reasons(model: Explains, frame: pd.DataFrame, top: int, shop: Shop) -> list[list[str]]:
    features = list(model.features)
    moved = model.contributions(frame)  # first: it checks the frame
    values = frame[features].to_numpy(dtype=np.float64)
    sums, speakers = _by_theme(moved, features, _untold(values, features))
    first = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :top]
    rows = np.arange(len(frame))[:, None]
    chosen, signs = speakers[rows, first], sums[rows, first]
    return [
        [
            f"{RAISES if sign > 0 else LOWERS}: {told(features[at], values[row, at], shop)}"
            for at, sign in zip(of_row, of_signs, strict=True)
            if sign
        ]
        for row, (of_row, of_signs) in enumerate(zip(chosen.tolist(), signs.tolist(), strict=True))
    ]


def _untold(values: Floats, features: Sequence[str]) -> NDArray[np.bool_]:
    """Say which values stand for something not known: without a gap there is no being overdue."""
    untold = np.zeros(values.shape, dtype=bool)
    if GAP_MEAN.name in features:
        once = values[:, features.index(GAP_MEAN.name)] == GAP_MEAN.default
        for name in {OVERDUE_RATIO.name, OVERDUE_DAYS.name} & set(features):
            untold[:, features.index(name)] = once
    return untold


def _by_theme(
    moved: Floats, features: Sequence[str], untold: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the sum of each theme, and which feature speaks for it, both (n, n_themes).

    That is the plain one that moves most in the direction of the sum; where none does, any.
    """
    themes: dict[str, list[int]] = {}
    plain = np.ones(len(features), dtype=bool)
    for at, name in enumerate(features):
        words = words_of(name)
        themes.setdefault(words.theme if words else name, []).append(at)
        plain[at] = words is None or words.plain
    sums = np.empty((len(moved), len(themes)))
    speakers = np.empty((len(moved), len(themes)), dtype=np.int64)
    for number, members in enumerate(themes.values()):
        sums[:, number] = moved[:, members].sum(axis=1)
        along = moved[:, members] * np.sign(sums[:, [number]])
        along[untold[:, members]] = -np.inf
        plainly = np.where(plain[members], along, -np.inf)
        best = np.where((plainly > 0).any(axis=1), plainly.argmax(axis=1), along.argmax(axis=1))
        speakers[:, number] = np.array(members)[best]
    return sums, speakers
