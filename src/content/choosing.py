"""Choosing a list of products from ranked ones: the same steps for an e-mail and for an answer.

What is left out is replaced by the next in order, never by anything else. A list is shorter than
was asked only when the candidates end.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from content.campaign import Product
from content.decision import Rung
from content.diversity import Diverse
from content.terms import ProductFilter, Promotion, Terms
from profiles.profile import Pick

PROMOTION: Final = "promotion"  # the source of what was put at a place

_POOL: Final = 3  # times the length: so far down a list diversity may reach


class Candidate(NamedTuple):
    """A product that might be shown: how it is sold now, why, and from which rung."""

    product: Product
    pick: Pick
    rung: Rung


@dataclass(slots=True)
class Seen:
    """Products that have their place already: each is shown once, and so is each name."""

    ids: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def take(self, product_id: str, name: str) -> bool:
        """Take a product; False when it, or one that reads the same, is taken."""
        label = name.casefold()
        if product_id in self.ids or label in self.names:
            return False
        self.ids.add(product_id)
        if label:
            self.names.add(label)
        return True


def fits(product: Product, wanted: ProductFilter) -> bool:
    """Say whether a product is to be had, and is what is wanted."""
    if not product["available"] or (wanted.has_image and not product["image_url"]):
        return False
    low, high, price = wanted.min_price_minor, wanted.max_price_minor, product["price_minor"]
    if (low is not None or high is not None) and (
        price is None or price < (low or 0) or (high is not None and price > high)
    ):
        return False
    return not wanted.heads or _path(product["category"]).startswith(wanted.heads)


def choose(
    candidates: Iterable[Candidate],
    n: int,
    terms: Terms,
    seen: Seen,
    *,
    barred: Collection[str] = (),
    promoted: Mapping[str, Product] | None = None,
    beside: Iterable[str] = (),
) -> list[Candidate]:
    """Return the best `n` products that keep to the terms.

    Args:
        candidates: Best first; read only as far as needed.
        n: How many.
        terms: Filter, caps and places. Promoted products come first of all, and count for the
            caps; one that does not fit leaves its place to the next candidate.
        seen: What is taken already; what is chosen is added.
        barred: Ids that may not be chosen, promoted or not.
        promoted: The rows of promoted products; others are not known.
        beside: Categories of products that are in the list already.
    """
    placed = _placed(terms, n, seen, barred, promoted or {})
    wanted = terms.filter
    fitting = (
        each
        for each in candidates
        if each.pick.product_id not in barred and fits(each.product, wanted)
    )
    counts = Counter([*beside, *(each.product["category"] for each in placed.values())])
    chosen = _chosen(fitting, n - len(placed), terms, seen, counts)
    for place in sorted(placed):
        chosen.insert(place - 1, placed[place])  # past the end of a short list: at its end
    return chosen


def _placed(
    terms: Terms,
    n: int,
    seen: Seen,
    barred: Collection[str],
    promoted: Mapping[str, Product],
) -> dict[int, Candidate]:
    """Give promoted products their places; two for the same place stand one after the other."""
    placed: dict[int, Candidate] = {}
    for each in terms.promote:
        product = promoted.get(each.product_id)
        place = next((at for at in range(each.place, n + 1) if at not in placed), None)
        if product is None or place is None or each.product_id in barred:
            continue
        if fits(product, terms.filter) and seen.take(each.product_id, product["name"]):
            placed[place] = _promotion(each, product)
    return placed


def _promotion(each: Promotion, product: Product) -> Candidate:
    return Candidate(product, Pick(each.product_id, 0.0, PROMOTION, each.reason), "popular")


def _chosen(
    fitting: Iterator[Candidate], n: int, terms: Terms, seen: Seen, counts: Counter[str]
) -> list[Candidate]:
    cap = terms.max_per_category or sys.maxsize
    chosen: list[Candidate] = []

    def take(each: Candidate) -> bool:
        category = each.product["category"]
        if counts[category] >= cap or not seen.take(each.pick.product_id, each.product["name"]):
            return False
        counts[category] += 1
        chosen.append(each)
        return True

    if terms.diversity and n > 1:
        pool = list(islice(fitting, _POOL * n))
        categories = [each.product["category"] for each in pool]
        order = Diverse(categories, terms.diversity, beside=counts)
        while len(chosen) < n and (number := order.pop()) is not None:
            if take(pool[number]):
                order.take(categories[number])
    while len(chosen) < n and (following := next(fitting, None)):
        take(following)
    return chosen


@lru_cache(maxsize=4_096)
def _path(category: str) -> str:
    return f"{category}/".casefold()
