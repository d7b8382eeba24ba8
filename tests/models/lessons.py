"""Something to learn that no candidate model knows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from models.assortment import Assortment
from models.frequency import Frequency
from models.interactions import Purchases
from models.popularity import Popularity
from models.teaching import HybridParams, Lesson

PARAMS = HybridParams(trees=20, candidates=30)
CUSTOMERS, PRODUCTS = 300, 30


def stock() -> Assortment:
    sold = np.arange(PRODUCTS, 0, -1).astype(np.float32)
    return Assortment(
        product_ids=np.array([f"p{number:02}" for number in range(PRODUCTS)]),
        allowed=np.ones(PRODUCTS, bool),
        sold=sold,
        sold_ever=sold,
    )


def lesson(seed: int = 3) -> Lesson:
    """What was bought twice is bought again, what was bought once or thrice is not."""
    times = np.random.default_rng(seed).choice([0, 1, 2, 3], (CUSTOMERS, PRODUCTS)).astype("f4")
    cells = sparse.csr_matrix(times)
    return Lesson(
        rankers=[Frequency(stock()), Popularity(stock())],
        assortment=stock(),
        purchases=Purchases(times=cells, recent=cells, ever=cells.sign()),
        targets=sparse.csr_matrix((times == 2).astype(np.float32)),
    )
