"""What customers bought last, and how long ago: what serving knows of their past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from models.assortment import Strings
from models.interactions import Purchases
from models.ranking import best_cells

KEPT: Final = 1_000  # products a customer: a grocer's household has hundreds


def last_bought(
    purchases: Purchases, product_ids: Strings, n: int = KEPT
) -> Iterator[dict[str, int]]:
    """Give each customer's last `n` products, the latest first, with whole days since then.

    What was sent back wholly is not among them. Where times are not known there is nothing.
    """
    if purchases.last_days is None:
        yield from ({} for _ in range(len(purchases)))
        return
    near = purchases.last_days.copy()
    near.data = 1 / (1 + near.data)  # positive, the latest highest
    ranked = best_cells(near, n)
    lengths = (ranked.ids >= 0).sum(axis=1).tolist()
    with np.errstate(divide="ignore"):
        days = np.floor(1 / ranked.scores.astype(np.float64) - 1 + 1e-3)  # floats lose a little
    products = product_ids[ranked.ids].tolist()
    for row, length in enumerate(lengths):
        ago = days[row, :length].astype(np.int64).tolist()
        yield dict(zip(products[row][:length], ago, strict=True))
