"""Trending: what sells better this week than it did before."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.assortment import POPULAR_WINDOW, Assortment

FEW: Final = 3  # orders of a week: fewer are chance

_WEEK, _MONTH = 7, POPULAR_WINDOW.days
_SMOOTHING: Final = 5.0  # orders on both sides, so that two after none are no boom


def trending(assortment: Assortment) -> NDArray[np.float64]:
    """Return how many times more orders a product had in seven days than it used to have.

    Its level is that of the rest of the last `POPULAR_WINDOW`, per week. A product with fewer
    than `FEW` orders in the week, or no more than its level, is at zero; where the week is not
    known, all are.

    Returns:
        Shape (products,): a ratio above one, or zero.
    """
    if assortment.sold_week is None:
        return np.zeros(len(assortment.product_ids))
    week = assortment.sold_week.astype(np.float64)
    level = np.maximum(assortment.sold - week, 0) * _WEEK / (_MONTH - _WEEK)
    ratio = (week + _SMOOTHING) / (level + _SMOOTHING)
    return np.where((week >= FEW) & (ratio > 1), ratio, 0.0)
