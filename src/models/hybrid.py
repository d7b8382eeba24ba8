"""The hybrid: what many models propose, put in order by LightGBM's LambdaRank.

It learns from earlier windows: models fitted on what was before one propose, and what was bought
in it says who was right. What it keeps is trees, and nothing of any customer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from models.assortment import Assortment
from models.candidates import Candidate, load_candidates, save_candidates
from models.interactions import Purchases
from models.pairs import Pairs, cells_at, pairs_of
from models.ranking import (
    NOTHING,
    THREADS,
    Ranked,
    Scope,
    best_cells,
    may_be_first,
    nothing,
    split,
    stacked,
)
from models.teaching import HybridParams, Taught, fit_booster

_BLOCK: Final = 200  # customers at once, to keep memory flat

# A quarter of the trees says at a glance what may be listed: three times as many as are, of at
# least twenty. That changes few places, if any.
_GLANCE: Final = 4
_LIKELY, _SHORT = 3, 20
_TREES: Final = "ranker.txt"
_PARAMS: Final = "hybrid.json"
_FLOOR: Final = np.float32(1e-6)  # a rank's score is positive: zero is no product


@dataclass(frozen=True, slots=True)
class Chosen:
    """Lists, and for each place which of the hybrid's `rankers` had it highest; -1: empty."""

    ranked: Ranked
    by: NDArray[np.int64]


class Hybrid:
    """Ranks the candidates of other models.

    Source:
        Burges, "From RankNet to LambdaRank to LambdaMART", Microsoft Research 2010, by LightGBM.
    """

    name = "hybrid"

    def __init__(
        self,
        rankers: Sequence[Candidate],
        assortment: Assortment,
        booster: lgb.Booster,
        params: HybridParams,
    ) -> None:
        """Take models of the present, in the order of those it learnt with."""
        self.rankers = rankers
        self.assortment = assortment
        self.booster = booster
        self.params = params
        # Two boosters: which of its trees one is asked is no matter for several threads.
        glance = max(booster.num_trees() // _GLANCE, 1)
        self._first = lgb.Booster(model_str=booster.model_to_string(num_iteration=glance))
        self._rest = lgb.Booster(model_str=booster.model_to_string(start_iteration=glance))

    @classmethod
    def fit(
        cls,
        taught: Sequence[Taught],
        rankers: Sequence[Candidate],
        assortment: Assortment,
        params: HybridParams,
        *,
        seed: int,
    ) -> Self:
        """Learn from earlier windows how to order what the models of the present propose.

        Raises:
            NotEnoughDataError: No candidate was bought in any window.
        """
        booster = fit_booster(taught, params, seed=seed)
        return cls(rankers, assortment, booster, params)

    def save(self, folder: Path) -> None:
        """Write trees and models; nothing of any customer."""
        save_candidates(self.rankers, folder)
        self.booster.save_model(folder / _TREES)
        (folder / _PARAMS).write_text(json.dumps(asdict(self.params), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path, assortment: Assortment) -> Self:
        """Read what `save` wrote, of models over the products of `assortment`.

        Raises:
            OSError, ValueError, KeyError, TypeError, LightGBMError: A file is missing or damaged.
        """
        params = HybridParams(**json.loads((folder / _PARAMS).read_text()))
        booster = lgb.Booster(model_file=folder / _TREES)
        return cls(load_candidates(folder, assortment), assortment, booster, params)

    def at(self, assortment: Assortment) -> Self:
        """Return this model for the catalogue and the sales of another instant."""
        moved = [each.at(assortment) for each in self.rankers]
        return type(self)(moved, assortment, self.booster, self.params)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return the candidates that the customer buys most probably."""
        return self.lists(purchases, n, [scope])[scope]

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Rank in several scopes, with candidates scored once."""
        found = self.chosen(purchases, n, scopes)
        return {scope: chosen.ranked for scope, chosen in found.items()}

    def chosen(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Chosen]:
        """Rank in several scopes, and say which model had each product highest."""

        def block(start: int) -> dict[Scope, Chosen]:
            some = purchases.rows(slice(start, start + _BLOCK))
            wide: Scope = scopes[0] if len(scopes) == 1 else "all"
            pairs = pairs_of(self.rankers, self.assortment, some, self.params.candidates, wide)
            return self._best(pairs, some, n, scopes)

        with ThreadPoolExecutor(THREADS) as pool:
            blocks = [*pool.map(block, range(0, len(purchases), _BLOCK))]
        none = Chosen(nothing(0, n), np.zeros((0, n), np.int64))
        parts = {scope: [none, *(each[scope] for each in blocks)] for scope in scopes}
        return {
            scope: Chosen(
                stacked([each.ranked for each in own]), np.concatenate([each.by for each in own])
            )
            for scope, own in parts.items()
        }

    def _best(
        self, pairs: Pairs, purchases: Purchases, n: int, scopes: Sequence[Scope]
    ) -> dict[Scope, Chosen]:
        cells = self._scored(pairs, purchases, n, scopes)
        columns = [pairs.names.index(f"{one.name} place") for one in self.rankers]
        first = np.nan_to_num(pairs.values[:, columns], nan=np.inf).argmin(axis=1)
        found: dict[Scope, Chosen] = {}
        for scope, own in split(cells, purchases, scopes).items():
            ranked = best_cells(own, n)
            by = np.full(ranked.ids.shape, NOTHING)
            rows, places = np.nonzero(ranked.ids >= 0)
            # Pairs are sorted as cells are: a cell is the pair of the same number.
            by[rows, places] = first[cells_at(cells, rows, ranked.ids[rows, places])]
            found[scope] = Chosen(ranked, by)
        return found

    def _scored(
        self, pairs: Pairs, purchases: Purchases, n: int, scopes: Sequence[Scope]
    ) -> sparse.csr_matrix:
        """Score pairs by the first trees, and those of them that may be listed by all."""
        raw = _said(self._first, pairs.values)
        cells = sparse.csr_matrix(
            (chances(raw), (pairs.rows, pairs.products)), shape=purchases.times.shape
        )
        likely = np.zeros(len(raw), np.bool_)
        for own in split(cells, purchases, scopes).values():
            likely[may_be_first(own, _LIKELY * max(n, _SHORT))] = True
        raw[likely] += _said(self._rest, pairs.values[likely])
        cells.data = np.where(likely, chances(raw), 0)
        return cells


def _said(booster: lgb.Booster, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Add up what trees say of pairs."""
    if not len(values) or not booster.num_trees():
        return np.zeros(len(values))
    return np.asarray(booster.predict(values, num_threads=1), np.float64)


def chances(raw: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what the trees say as probabilities to win against a candidate at zero."""
    return np.asarray(np.maximum(expit(raw), _FLOOR), np.float32)
