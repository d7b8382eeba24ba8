"""Which products belong together, as a snapshot keeps it: the nearest of each, packed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.assortment import Assortment
from models.candidates import TOGETHER, CandidateParams
from models.content import Content
from models.item_item import ItemItem
from models.item_knn import fit_item_knn
from models.ranking import Ranker, best_cells, only_allowed
from profiles.products import KINDS, Kin, pack_kin

NEIGHBOURS: Final = 40  # kept of each product
FEW: Final = 3  # orders that hold both of two products which go together
_BLOCK: Final = 2_000  # products at once, to keep memory flat

_KINDS: Final[Mapping[str, Kin]] = {
    Content.name: "similar_to",
    TOGETHER: "goes_with",
    "item-knn": "bought_too",
}

Kinship = Mapping[Kin, ItemItem]


def kinship_of(rankers: Sequence[Ranker]) -> Kinship:
    """Return those of a recommender's models that tell what belongs together."""
    return {
        _KINDS[one.name]: one for one in rankers if isinstance(one, ItemItem) and one.name in _KINDS
    }


def fit_kinship(assortment: Assortment, orders: sparse.csr_matrix) -> Kinship:
    """Find out without a recommender: by texts, and by what was bought in one order.

    Args:
        assortment: The products.
        orders: Shape (orders, products), of customers who may be learnt from.
    """
    together = CandidateParams().together
    return {
        "similar_to": Content(assortment),
        "goes_with": fit_item_knn(orders, assortment, together, name=TOGETHER, weight="recent"),
    }


def supported(model: ItemItem, assortment: Assortment, orders: sparse.csr_matrix) -> ItemItem:
    """Return a model without pairs that fewer than `FEW` orders hold: one is a coincidence.

    Args:
        model: Of what goes together.
        assortment: Its products.
        orders: Shape (orders, products), ones where bought.
    """
    of_product, blocks = orders.T.tocsr(), []
    for start in range(0, of_product.shape[0], _BLOCK):
        rows = slice(start, start + _BLOCK)
        often = (of_product[rows] @ orders) >= FEW
        blocks.append(model.similarity[rows].multiply(often))
    kept = sparse.vstack(blocks, format="csr")
    return ItemItem(model.name, assortment.product_ids, kept, assortment, weight=model.weight)


def packed_kin(
    kinship: Kinship, assortment: Assortment, order: NDArray[np.integer], *, block: int = _BLOCK
) -> Iterator[tuple[bytes, ...]]:
    """Give the neighbours of each product by each of `KINDS`, packed; block by block.

    Args:
        kinship: Models over the products of `assortment`; a kind without one has no neighbours.
        assortment: The products. Those that may not be recommended are nobody's neighbours.
        order: Dense ids in the order wanted; a place in it is the number neighbours are known by.
        block: Products at once, to keep memory flat.
    """
    numbers = np.empty(len(order), np.uint32)
    numbers[order] = np.arange(len(order), dtype=np.uint32)
    for start in range(0, len(order), block):
        rows = order[start : start + block]
        columns = [
            _packed(kinship[kind].similarity[rows], assortment, numbers)
            if kind in kinship
            else [b""] * len(rows)
            for kind in KINDS
        ]
        yield from zip(*columns, strict=True)


def _packed(
    cells: sparse.csr_matrix, assortment: Assortment, numbers: NDArray[np.uint32]
) -> list[bytes]:
    ranked = best_cells(only_allowed(cells, assortment), NEIGHBOURS)
    known = numbers[ranked.ids]
    scores = np.ascontiguousarray(ranked.scores, np.float32)
    lengths = (ranked.ids >= 0).sum(axis=1).tolist()
    return [
        pack_kin(known[row, :n].tobytes(), scores[row, :n].tobytes())
        for row, n in enumerate(lengths)
    ]
