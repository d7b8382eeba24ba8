"""The candidate models of the hybrid, fitted together, kept together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
from scipy import sparse

from models.als import Als, AlsParams
from models.assortment import Assortment
from models.content import Content
from models.ease import EaseParams, fit_ease
from models.frequency import Frequency
from models.interactions import Purchases
from models.item_item import ItemItem
from models.item_knn import ItemKnnParams, fit_item_knn
from models.popularity import Popularity, fading
from models.ranking import Ranker

TOGETHER: Final = "together"
_LIST: Final = "candidates.json"


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
    content: Content | None = None,
    seed: int,
) -> Sequence[Candidate]:
    """Fit all candidate models on what was bought before an instant.

    Args:
        purchases: Of the customers who may be learnt from.
        assortment: The catalogue, and its sales, as of that instant.
        params: Of each model.
        orders: Shape (orders, products); without them nothing is known to go together.
        content: Of any instant: it follows to this one. Without it, texts are not compared.
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
    if content is not None:
        models.append(content.at(assortment))
    return models


def save_candidates(models: Sequence[Candidate], folder: Path) -> None:
    """Write what models know of products, in their order; nothing of any customer."""
    described: list[dict[str, object]] = []
    for model in models:
        about: dict[str, object] = {"name": model.name}
        if isinstance(model, ItemItem):
            about["weight"] = model.weight
            sparse.save_npz(folder / f"{model.name}.npz", model.similarity, compressed=False)
        elif isinstance(model, Als):
            about["params"] = asdict(model.params)
            np.savez(folder / "als.npz", product_ids=model.product_ids, factors=model.factors)
        described.append(about)
    (folder / _LIST).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def load_candidates(folder: Path, assortment: Assortment) -> list[Candidate]:
    """Read what `save_candidates` wrote, of models over the products of `assortment`.

    Raises:
        OSError, ValueError, KeyError, TypeError: A file is missing or damaged.
    """
    return [
        _loaded(about, folder, assortment) for about in json.loads((folder / _LIST).read_text())
    ]


def _loaded(about: dict[str, Any], folder: Path, assortment: Assortment) -> Candidate:
    name = about["name"]
    if name == Frequency.name:
        return Frequency(assortment)
    if name == fading.__name__:
        return Popularity(assortment, fading)
    if name == Als.name:
        with np.load(folder / "als.npz", allow_pickle=False) as arrays:
            params = AlsParams(**about["params"])
            return Als(params, arrays["product_ids"], arrays["factors"], assortment)
    similarity = sparse.load_npz(folder / f"{name}.npz")
    if name == Content.name:
        return Content(assortment, similarity)
    ids = assortment.product_ids
    return ItemItem(name, ids, similarity, assortment, weight=about["weight"])
