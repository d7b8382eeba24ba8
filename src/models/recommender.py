"""The registered recommender: "buy again" and "new for you" for every customer.

It keeps what it knows of products, never of customers: theirs comes in as `Purchases`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from lightgbm.basic import LightGBMError
from numpy.typing import NDArray
from scipy import sparse

from core.errors import DataError, MissingColumnsError
from models.assortment import Assortment
from models.frequency import Frequency
from models.hybrid import Chosen, Hybrid
from models.interactions import Purchases
from models.popularity import Popularity
from models.ranking import NOTHING, Ranked, Scope, filled, lists_of
from models.reasons import NEIGHBOURS, why_again, why_new, why_popular
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Pick

_ABOUT: Final = "recommender.json"
_ASSORTMENT: Final = "assortment.npz"
HALF_LIFE: Final = timedelta(days=120)  # of a purchase's weight in "buy again"

_MANY: Final = 5  # orders of a group: fewer are the habits of one or two people


class Recommender:
    """Personal lists, with popularity for the places that nothing personal fills.

    `new_for_you` holds products the customer never bought, `buy_again` only what they did buy and
    keep: what was sent back wholly is in neither. Both are put in order by the hybrid or by rules,
    frequency and popularity: whichever the promotion gate let through.
    """

    kind: ClassVar[str] = "recommender"
    name = "recommender"

    def __init__(self, assortment: Assortment, hybrid: Hybrid | None = None) -> None:
        self.assortment = assortment
        self.hybrid = hybrid
        self._popularity = Popularity(assortment)
        self._frequency = Frequency(assortment)

    def at(self, assortment: Assortment) -> Self:
        """Return this recommender for the catalogue and the sales of another instant."""
        return type(self)(assortment, self.hybrid and self.hybrid.at(assortment))

    def rank(self, purchases: Purchases, n: int, scope: Scope) -> Ranked:
        """Return up to `n` products for each customer; somebody unknown gets what is popular."""
        return self.lists(purchases, n, [scope])[scope]

    def lists(self, purchases: Purchases, n: int, scopes: Sequence[Scope]) -> dict[Scope, Ranked]:
        """Rank in several scopes."""
        first = lists_of(self.hybrid or self._frequency, purchases, n, scopes)
        found = {}
        for scope in scopes:
            second = self._frequency if scope == "repeat" else self._popularity
            # Twice as many: the second may start with all that the first has already.
            found[scope] = filled(first[scope], second.rank(purchases, 2 * n, scope))[0]
        return found

    def picks(self, purchases: Purchases, n: int) -> Iterator[dict[str, list[Pick]]]:
        """Give the lists of each customer, in the order of the rows, with reasons."""
        chosen = self.hybrid.chosen(purchases, n, ["repeat", "new"]) if self.hybrid else {}
        again = self._again(purchases, n, chosen.get("repeat"))
        new = self._new(purchases, n, chosen.get("new"))
        for row in range(len(purchases)):
            yield {BUY_AGAIN: again[row], NEW_FOR_YOU: new[row]}

    def _again(self, purchases: Purchases, n: int, chosen: Chosen | None) -> list[list[Pick]]:
        again = self._frequency.rank(purchases, n, "repeat")
        source = np.full(again.ids.shape, self._frequency.name, dtype=object)
        if chosen:
            again, ruled = filled(chosen.ranked, again)
            source = np.where(ruled, source, Hybrid.name)
        return self._rows(again, source, why_again(purchases, again.ids))

    def _new(self, purchases: Purchases, n: int, chosen: Chosen | None) -> list[list[Pick]]:
        popular = self._popularity.rank(purchases, 2 * n if chosen else n, "new")
        if self.hybrid is None or chosen is None:
            source = np.full(popular.ids.shape, self._popularity.name, dtype=object)
            return self._rows(popular, source, why_popular(self.assortment, popular.ids))
        new, ruled = filled(chosen.ranked, popular)
        source = np.full(new.ids.shape, self._popularity.name, dtype=object)
        reason = why_popular(self.assortment, new.ids)
        for number, model in enumerate(self.hybrid.rankers):
            own = (chosen.by == number) & ~ruled
            source[own] = model.name
            ids = np.where(own, new.ids, NOTHING).astype(np.int32)
            reason[own] = why_new(model, self.assortment, purchases, ids)[own]
        return self._rows(new, source, reason)

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
            return self._rows(
                cut, np.full((1, n), "popularity"), why_popular(self.assortment, cut.ids)
            )[0]
        cells = sparse.csr_matrix(np.where(among >= _MANY, among, 0)[None, :])
        group = Purchases(times=cells, recent=cells, ever=cells)
        taken, from_shop = filled(self._frequency.rank(group, n, "repeat"), shop)
        reasons = np.where(from_shop, why_popular(self.assortment, taken.ids), NEIGHBOURS)
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
        """Write products, their sales and what models know of them; nothing of any customer."""
        np.savez(folder / _ASSORTMENT, **self.assortment.arrays)  # type: ignore[arg-type]
        if self.hybrid:
            self.hybrid.save(folder)
        about = {"hybrid": self.hybrid is not None}
        (folder / _ABOUT).write_text(json.dumps(about) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: A file is missing or damaged.
        """
        try:
            about = json.loads((folder / _ABOUT).read_text())
            with np.load(folder / _ASSORTMENT, allow_pickle=False) as arrays:
                assortment = Assortment(**arrays)
            hybrid = Hybrid.load(folder, assortment) if about["hybrid"] else None
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, LightGBMError) as error:
            raise DataError(
                f"the recommender in {folder} is damaged ({error}). "
                "Run `sendwise train recommender` again."
            ) from None
        return cls(assortment, hybrid)

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
