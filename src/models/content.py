"""Similar by content: products with like names, categories, brands, prices and attributes.

It learns from the catalogue alone, so that a product added today has its place at once.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from models.assortment import Assortment
from models.item_item import ItemItem, most_similar

_NEIGHBOURS: Final = 100
_FEW: Final = 100
_COMMON: Final = 0.02  # words of more of the catalogue say nothing, and take the longest


class Content(ItemItem):
    """Ranks by how like the texts of products are to those of what the customer bought.

    Source:
        Salton & Buckley, "Term-weighting approaches in automatic text retrieval", 1988, by
        scikit-learn: cosines of TF-IDF, over words and pairs of words, of the logarithm of their
        counts.
    """

    name = "content"

    def __init__(self, assortment: Assortment, similarity: sparse.csr_matrix | None = None) -> None:
        """Compare all products, or take their similarities; without texts there are none."""
        found = _similarity(assortment) if similarity is None else similarity
        super().__init__(self.name, assortment.product_ids, found, assortment, weight="recent")

    def at(self, assortment: Assortment) -> Self:
        """Return the same for another catalogue, with what is new in it."""
        same = _reads_alike(self._assortment, assortment)  # of another instant, mostly
        return type(self)(assortment, self.similarity if same else None)


def _reads_alike(one: Assortment, other: Assortment) -> bool:
    if not np.array_equal(one.product_ids, other.product_ids):
        return False
    if one.text is None or other.text is None:
        return one.text is other.text
    return np.array_equal(one.text, other.text)


def _similarity(assortment: Assortment) -> sparse.csr_matrix:
    size = len(assortment.product_ids)
    empty = sparse.csr_matrix((size, size), dtype=np.float64)
    if assortment.text is None:
        return empty
    words = TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=2,
        max_df=max(int(_COMMON * size), _FEW),
        sublinear_tf=True,
        token_pattern=r"\S+",  # noqa: S106  # words, not a password
        dtype=np.float64,  # all that the kernel takes
    )
    try:
        vectors = words.fit_transform(assortment.text)
    except ValueError:  # no word is on two products
        return empty
    return most_similar(vectors.T.tocsr(), _NEIGHBOURS)
