"""The registered recommender: "buy again" and "new for you" for every customer.

It keeps what it knows of products, never of customers: theirs comes in as `Purchases`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from core.errors import DataError, MissingColumnsError
from models.als import Als, AlsParams
from models.assortment import Assortment
from models.frequency import Frequency
from models.interactions import Purchases
from models.popularity import Popularity
from models.ranking import Filled, Ranked, Ranker, Scope, filled
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Pick

HALF_LIFE: Final = timedelta(days=120)  # of a purchase's weight in "buy again"
Discovery = Literal["als", "popularity"]

_MANY: Final = 5  # orders of a group: fewer are the habits of one or two people
_SAME_TASTE: Final = "Often bought by people with your tastes"
_THIS_MONTH: Final = "Popular this month"
_EVER: Final = "Popular with our customers"
_NEIGHBOURS: Final = "Popular this month with customers like you"


class Recommender:
    """Personal lists, with popularity for the places that nothing personal fills.

    `new_for_you` holds products the customer never bought, chosen by ALS or by popularity:
    whichever the promotion gate let through. `buy_again` holds only what they did buy and keep:
    what was sent back wholly is in neither.
    """

    kind: ClassVar[str] = "recommender"
    name: ClassVar[str] = "recommender"

    def __init__(self, assortment: Assortment, als: Als | None = None) -> None:
        self.assortment = assortment
        self.als = als
        self._popularity = Popularity(assortment)
        self._frequency = Frequency(assortment)

    @property
    def discovery(self) -> Discovery:
        """What chooses new products."""
        return "als" if self.als else "popularity"

    def at(self, assortment: Assortment) -> Self:
        """Return this recommender for the catalogue and the sales of another instant."""
        als = self.als
        moved = Als(als.params, als.product_ids, als.factors, assortment) if als else None
        return type(self)(assortment, moved)

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return up to `n` products for each customer; somebody unknown gets what is popular."""
        if scope == "repeat":
            return self._frequency.rank(purchases, n, scope)
        first: Ranker = self.als if self.als and scope == "new" else self._frequency
        return Filled(first, self._popularity).rank(purchases, n, scope)

    def picks(self, purchases: Purchases, n: int) -> Iterator[dict[str, list[Pick]]]:
        """Give the lists of each customer, in the order of the rows, with reasons."""
        again = self._frequency.rank(purchases, n, "repeat")
        new = self._popularity.rank(purchases, n if self.als is None else 2 * n, "new")
        popular = np.ones(new.ids.shape, dtype=np.bool_)
        if self.als:
            new, popular = filled(self.als.rank(purchases, n, "new"), new)
        why_again = _bought(_cells(purchases.times, again.ids))
        why_new = np.where(popular, self._why_popular(new.ids), _SAME_TASTE)
        source = np.where(popular, "popularity", "als")
        slots = (
            (BUY_AGAIN, self._rows(again, np.full(again.ids.shape, "frequency"), why_again)),
            (NEW_FOR_YOU, self._rows(new, source, why_new)),
        )
        for row in range(len(purchases)):
            yield {slot: rows[row] for slot, rows in slots}

    def popular(self, n: int, *, among: NDArray[np.float32] | None = None) -> list[Pick]:
        """Return what sells most, to everybody or, given their orders, among some customers.

        Args:
            n: Length of the list.
            among: Orders of the last 30 days of a group, per product. What it did not buy
                follows in the order of the whole shop.
        """
        nobody = sparse.csr_matrix((1, len(self.assortment.product_ids)), dtype=np.float32)
        purchases = Purchases(times=nobody, recent=nobody, ever=nobody)
        shop = self._popularity.rank(purchases, 2 * n, "all")
        if among is None:
            cut = Ranked(shop.ids[:, :n], shop.scores[:, :n])
            return self._rows(cut, np.full((1, n), "popularity"), self._why_popular(cut.ids))[0]
        cells = sparse.csr_matrix(np.where(among >= _MANY, among, 0)[None, :])
        group = Purchases(times=cells, recent=cells, ever=cells)
        taken, from_shop = filled(self._frequency.rank(group, n, "repeat"), shop)
        reasons = np.where(from_shop, self._why_popular(taken.ids), _NEIGHBOURS)
        return self._rows(taken, np.full((1, n), "popularity"), reasons)[0]

    def predict(self, frame: pd.DataFrame) -> pd.Series:
        """Return 20 new products for each row, best first.

        Args:
            frame: Column `bought`: a list of product ids per row, once per order.

        Raises:
            MissingColumnsError: There is no column `bought`.
        """
        if "bought" not in frame:
            raise MissingColumnsError("recommender", ["bought"], frame.columns)
        lists = frame["bought"].reset_index(drop=True).explode().dropna()
        at = self.assortment.positions(lists.to_numpy(dtype=np.str_))
        known = at >= 0
        times = sparse.csr_matrix(
            (np.ones(known.sum(), np.float32), (lists.index.to_numpy()[known], at[known])),
            shape=(len(frame), len(self.assortment.product_ids)),
        )
        times.sum_duplicates()
        ranked = self.rank(Purchases(times=times, recent=times, ever=times), 20, "new")
        ids = self.assortment.product_ids
        lists_out = [ids[row[row >= 0]].tolist() for row in ranked.ids]
        return pd.Series(lists_out, index=frame.index, dtype=object)

    def save(self, folder: Path) -> None:
        """Write product ids, sales and factors; nothing of any customer."""
        known = self.assortment
        np.savez(
            folder / "assortment.npz",
            product_ids=known.product_ids,
            allowed=known.allowed,
            sold=known.sold,
            sold_ever=known.sold_ever,
        )
        content: dict[str, object] = {"discovery": self.discovery}
        if self.als:
            np.savez(
                folder / "factors.npz", product_ids=self.als.product_ids, factors=self.als.factors
            )
            content["als"] = asdict(self.als.params)
        (folder / "recommender.json").write_text(json.dumps(content, indent=1, sort_keys=True))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: A file is missing or damaged.
        """
        try:
            content = json.loads((folder / "recommender.json").read_text())
            with np.load(folder / "assortment.npz", allow_pickle=False) as arrays:
                assortment = Assortment(**arrays)
            if content["discovery"] != "als":
                return cls(assortment)
            with np.load(folder / "factors.npz", allow_pickle=False) as arrays:
                params = AlsParams(**content["als"])
                als = Als(params, arrays["product_ids"], arrays["factors"], assortment)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"the recommender in {folder} is damaged ({error}). "
                "Run `sendwise train recommender` again."
            ) from None
        return cls(assortment, als)

    def _why_popular(self, ids: NDArray[np.int32]) -> NDArray[np.object_]:
        return np.where(self.assortment.sold[ids] > 0, _THIS_MONTH, _EVER).astype(object)

    def _rows(
        self, ranked: Ranked, source: NDArray[np.generic], reason: NDArray[np.generic]
    ) -> list[list[Pick]]:
        products = self.assortment.product_ids[ranked.ids].tolist()
        scores = np.round(ranked.scores.astype(np.float64), 4).tolist()
        lengths = (ranked.ids >= 0).sum(axis=1).tolist()
        columns = zip(products, scores, source.tolist(), reason.tolist(), lengths, strict=True)
        return [
            [Pick(*pick) for pick in zip(p[:n], s[:n], o[:n], r[:n], strict=True)]
            for p, s, o, r, n in columns
        ]


def _bought(times: NDArray[np.float32]) -> NDArray[np.object_]:
    whole = np.maximum(np.round(times), 1).astype(np.int64)  # a part that was kept was bought once
    counts, place = np.unique(whole, return_inverse=True)
    words = ["You bought this once" if n == 1 else f"You bought this {n} times" for n in counts]
    return np.array(words, dtype=object)[place.reshape(times.shape)]


def _cells(matrix: sparse.csr_matrix, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Look up one value per place of the lists; empty places give the last column's, unused."""
    rows = np.repeat(np.arange(len(ids)), ids.shape[1])
    found = np.asarray(matrix[rows, ids.ravel()], dtype=np.float32)
    return found.reshape(ids.shape)
