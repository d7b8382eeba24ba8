"""The candidate models of the hybrid, fitted together, kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from scipy import sparse

from models.als import Als, AlsParams
from models.assortment import Assortment
from models.content import Content
from models.ease import EaseParams, fit_ease
from models.frequency import Frequency
from models.interactions import Purchases
from models.item_knn import ItemKnnParams, fit_item_knn
from models.popularity import Popularity, fading
from models.ranking import Ranker

TOGETHER: Final = "together"


class Candidate(Ranker, Protocol):
    """A model that can follow its catalogue: products come, sell, go out of stock."""

    def at(self, assortment: Assortment) -> Self:
        """Return the same for the catalogue of another instant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateParams:
    """What the candidate models are fitted with."""

    als: AlsParams = field(default_factory=AlsParams)
    ease: EaseParams = field(default_factory=EaseParams)
    item_knn: ItemKnnParams = field(default_factory=ItemKnnParams)
    together: ItemKnnParams = field(
        default_factory=lambda: ItemKnnParams(neighbours=100, from_power=0.5, to_power=0.5)
    )


def fit_candidates(
    purchases: Purchases,
    assortment: Assortment,
    params: CandidateParams,
    *,
    orders: sparse.csr_matrix | None = None,
    seed: int,
) -> Sequence[Candidate]:
    """Fit all candidate models on what was bought before an instant.

    Args:
        purchases: Of the customers who may be learnt from.
        assortment: The catalogue, and its sales, as of that instant.
        params: Of each model.
        orders: Shape (orders, products); without them nothing is known to go together.
        seed: Of ALS.

    Raises:
        NotEnoughDataError: No product was bought by two customers.
    """
    bought = purchases.times
    models: list[Candidate] = [
        Frequency(assortment),
        Popularity(assortment, fading),
        fit_item_knn(bought, assortment, params.item_knn),
        fit_ease(bought, assortment, params.ease),
        Als.fit(purchases, assortment, params.als, seed=seed),
    ]
    if orders is not None:
        models.append(
            fit_item_knn(orders, assortment, params.together, name=TOGETHER, weight="recent")
        )
    if assortment.text is not None:
        models.append(Content(assortment))
    return models
