"""The lists that are the same for everybody, with reasons that everybody may read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment
from models.interactions import Purchases
from models.new_arrivals import UNKNOWN, new_arrivals
from models.popularity import Popularity
from models.trending import trending
from profiles.profile import NEW_ARRIVALS, TRENDING, Pick

THIS_WEEK: Final = "Trending this week"
NEW_HERE: Final = "New in the shop"
FIRST: Final = "Be the first to try it"


def common_lists(assortment: Assortment, n: int) -> dict[str, list[Pick]]:
    """Return what is trending and what is new, up to `n` products each, best first.

    The source of each is the name of its list.
    """
    return {
        TRENDING: _listed(assortment, trending, n, lambda _: THIS_WEEK),
        NEW_ARRIVALS: _listed(
            assortment, new_arrivals, n, lambda score: NEW_HERE if score > UNKNOWN else FIRST
        ),
    }


def _listed(
    assortment: Assortment,
    score: Callable[[Assortment], NDArray[np.float64]],
    n: int,
    why: Callable[[float], str],
) -> list[Pick]:
    ranker = Popularity(assortment, score)
    nobody = sparse.csr_matrix((1, len(assortment.product_ids)), dtype=np.float32)
    ranked = ranker.rank(Purchases(times=nobody, recent=nobody, ever=nobody), n, "all")
    ids = ranked.ids[0][ranked.ids[0] >= 0]
    scores = np.round(ranked.scores[0][: len(ids)].astype(np.float64), 4).tolist()
    products = assortment.product_ids[ids].tolist()
    return [
        Pick(product_id, value, ranker.name, why(value))
        for product_id, value in zip(products, scores, strict=True)
    ]
