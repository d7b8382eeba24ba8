"""Why a product is shown, in words that are true and that a customer understands."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.als import Als
from models.assortment import Assortment
from models.candidates import TOGETHER, Candidate
from models.content import Content
from models.interactions import Purchases
from models.item_item import ItemItem
from models.pairs import at_cells
from models.ranking import Ids, Ranked

SAME_TASTE: Final = "Often bought by people with your tastes"
THIS_MONTH: Final = "Popular this month"
EVER: Final = "Popular with our customers"
UNSOLD: Final = "From our shelves"  # of what hardly sold there is no more to say
NEIGHBOURS: Final = "Popular this month with customers like you"
_BECAUSE: Final = {
    Content.name: ("Like {}, which you bought", "Like something you bought"),
    TOGETHER: ("Bought together with {}", "Bought together with what you buy"),
}
_OF_OTHERS: Final = ("People who bought {} buy this too", SAME_TASTE)

_POPULAR: Final = 3  # orders: one or two are no crowd
_HABIT: Final = 3  # orders: two have one time between them, which is no habit yet
_WEEK, _MONTH = 7, 365.25 / 12
_FEW_DAYS, _FEW_WEEKS = 10.5, 52.5  # up to which a time is told in days, or in weeks

Words = NDArray[np.object_]


def why_popular(assortment: Assortment, ids: Ids) -> Words:
    """Say that a product sells, and whether it does now. An empty place has words, unused."""
    sells = [assortment.sold[ids] >= _POPULAR, assortment.sold_ever[ids] >= _POPULAR]
    return np.select(sells, [THIS_MONTH, EVER], UNSOLD).astype(object)


def why_again(purchases: Purchases, ids: Ids) -> Words:
    """Say how often a customer buys each of their own products."""
    rows, places = np.nonzero(ids >= 0)
    products = ids[rows, places]
    times, first, last = (
        at_cells(each, rows, products)
        for each in (purchases.times, purchases.first_days, purchases.last_days)
    )
    whole = np.maximum(np.round(times), 1)  # a part that was kept was bought once
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(whole >= _HABIT, (first - last) / (whole - 1), np.nan)
    words = np.full(ids.shape, "", dtype=object)
    words[rows, places] = [
        f"You buy this about every {_time(gap)}" if gap >= 1 else f"You bought this {_count(n)}"
        for gap, n in zip(gaps.tolist(), whole.astype(np.int64).tolist(), strict=True)
    ]
    return words


def why_new(model: Candidate, assortment: Assortment, purchases: Purchases, ids: Ids) -> Words:
    """Say what a model has seen in products that are new to customers."""
    if isinstance(model, Als):
        return np.full(ids.shape, SAME_TASTE, dtype=object)
    if not isinstance(model, ItemItem):
        return why_popular(assortment, ids)
    named, unnamed = _BECAUSE.get(model.name, _OF_OTHERS)
    words = np.full(ids.shape, unnamed, dtype=object)
    if assortment.name is None:
        return words
    bought = model.because(purchases, Ranked(ids, np.ones(ids.shape, np.float32)))
    rows, places = np.nonzero(bought >= 0)
    names = assortment.name[bought[rows, places]].tolist()
    own = assortment.name[ids[rows, places]].tolist()
    words[rows, places] = [
        named.format(name) if name and name.casefold() != shown.casefold() else unnamed
        for name, shown in zip(names, own, strict=True)
    ]
    return words


def _count(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


def _time(days: float) -> str:
    if days <= _FEW_DAYS:
        number, unit = round(days), "day"
        if number == _WEEK:
            number, unit = 1, "week"
    elif days <= _FEW_WEEKS:
        number, unit = round(days / _WEEK), "week"
    else:
        number, unit = round(days / _MONTH), "month"
    return unit if number == 1 else f"{number} {unit}s"
