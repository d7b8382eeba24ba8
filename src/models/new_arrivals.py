"""New arrivals: what came into the shop of late, the best sellers among it first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.clock import DAY
from models.assortment import Assortment

NEW: Final = timedelta(days=30)

_SHARE: Final = 0.25  # of the log: in its first weeks every product is seen for the first time
UNSOLD, UNKNOWN = 0.5, 0.25  # below one order


def new_arrivals(assortment: Assortment) -> NDArray[np.float64]:
    """Return the orders of products that are new, and less than one for those without any.

    A product's age is that of its row in the catalogue, else of its first order, and it is new
    for `NEW`; where only orders tell, for a quarter of the time they span at most. One that never
    sold and whose age nobody knows comes last.

    Returns:
        Shape (products,): orders, 0.5 (new, never sold), 0.25 (never sold), or zero (not new).
    """
    sold = assortment.sold_ever.astype(np.float64)
    first, created = (
        np.full(len(sold), np.nan) if days is None else days.astype(np.float64)
        for days in (assortment.first_days, assortment.created_days)
    )
    spanned = np.nan_to_num(first).max(initial=0)
    with np.errstate(invalid="ignore"):
        by_orders = first <= min(NEW / DAY, spanned * _SHARE)
        is_new = np.where(np.isnan(created), by_orders, created <= NEW / DAY)
    unsold = np.where(is_new, UNSOLD, np.where(np.isnan(created), UNKNOWN, 0.0))
    return np.where(sold > 0, np.where(is_new, sold, 0.0), unsold)
