"""How good expected orders and spend are: order, totals, distance, and what the bounds hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from core.errors import DataError
from models.gate import Floats


def gini(values: Floats, weights: Floats) -> Floats:
    """Give the normalised Gini of `values`, shape (n, 2): what was spent, what was expected.

    Customers are lined up by what was expected, the most first; the area between the curve of
    their cumulated spend and the diagonal is divided by that of the best line-up there is. 1 is
    that line-up, 0 is chance. Ties stand abreast. A draw in which nobody spent gives nan. A
    `models.gate.Metric`.
    """
    truth, score = values.T
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0: nobody spent
        found: Floats = _area(truth, score, weights) / _area(truth, truth, weights)
    return found


def value_metrics(truth: pd.DataFrame, expected: pd.DataFrame) -> dict[str, float]:
    """Return the figures of expected orders and spend against what came of it.

    Args:
        truth: `orders` and `spend`, one row per customer.
        expected: The same columns, for the same rows in order; `low` and `high` are the bounds of
            the spend, NaN where the model has none.

    Returns:
        `gini`, `spearman` and `total_ratio` (expected over true; 1 is right) of the spend;
        `orders_corr` and `orders_rmse`; with bounds `coverage`, the share of customers within
        them, and `above`, the share who spent more.

    Raises:
        DataError: The sides differ in length, or an expectation is not finite.
    """
    if len(truth) != len(expected):
        raise DataError(f"{len(truth)} customers against {len(expected)} expectations.")
    spend, orders = (truth[name].to_numpy(dtype=np.float64) for name in ("spend", "orders"))
    spend_of, orders_of = (
        expected[name].to_numpy(dtype=np.float64) for name in ("spend", "orders")
    )
    if not (np.isfinite(spend_of).all() and np.isfinite(orders_of).all()):
        raise DataError("an expected number of orders or spend is not a finite number.")
    found = {
        "gini": float(gini(np.column_stack([spend, spend_of]), np.ones((1, len(spend))))[0]),
        "spearman": float(spearmanr(spend, spend_of).statistic),
        "total_ratio": float(spend_of.sum() / spend.sum()),
        "orders_corr": float(np.corrcoef(orders, orders_of)[0, 1]),
        "orders_rmse": float(np.sqrt(np.mean((orders - orders_of) ** 2))),
    }
    low, high = (expected[name].to_numpy(dtype=np.float64) for name in ("low", "high"))
    if np.isfinite(low).all() and np.isfinite(high).all():
        found["coverage"] = float(np.mean((spend >= low) & (spend <= high)))
        found["above"] = float(np.mean(spend > high))
    return found


def _area(truth: Floats, score: Floats, weights: Floats) -> Floats:
    order = np.argsort(-score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=np.inf))  # one step per distinct score
    drawn = weights[:, order]
    people = np.add.reduceat(drawn, starts, axis=1)
    money = np.add.reduceat(drawn * truth[order], starts, axis=1)
    reached = np.cumsum(money, axis=1) - money / 2
    areas: Floats = (people * reached).sum(axis=1) / people.sum(axis=1) / money.sum(axis=1)
    return 2 * areas - 1
