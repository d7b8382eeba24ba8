"""Names for clusters: words for what sets one apart from the shop, not numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from features.affinity import SHARE_PREFIX
from features.definitions.orders import BASKET_LINES, DISCOUNT_SHARE, GAP_MEAN, RECENCY_DAYS
from features.definitions.tastes import CATEGORY_ENTROPY
from features.registry import ORDER_VALUE, ORDERS, REVENUE

APART: Final = 0.12  # how far a cluster's mean rank is from the middle to be worth a word
TASTE_APART: Final = 0.06  # for tastes, which differ less than habits do
LAPSING: Final = 0.70  # mean rank of recency from which customers are slipping away
_NAMED: Final = 3  # words in a name; the traits have them all

_COMPARED: Final = {
    **{orders.name: ("fewer orders", "more orders") for orders in ORDERS},
    RECENCY_DAYS.name: ("more recent", "less recent"),
    GAP_MEAN.name: ("shorter gaps", "longer gaps"),
    ORDER_VALUE.name: ("smaller orders", "bigger orders"),
    BASKET_LINES.name: ("fewer products at once", "more products at once"),
    DISCOUNT_SHARE.name: ("fewer discounts", "more discounts"),
    **{revenue.name: ("spending less", "spending more") for revenue in REVENUE},
    CATEGORY_ENTROPY.name: ("of few departments", "of many departments"),
}


@dataclass(frozen=True, slots=True)
class Trait:
    """A word and how far the cluster is from the shop's middle in that respect."""

    word: str
    distance: float


def traits_of(ranks: Mapping[str, float], *, pauses: str = "", once: bool = False) -> list[Trait]:
    """Put a cluster into words, rhythm and basket first, then what else stands out.

    Args:
        ranks: Mean rank (0 to 1, the shop's mean is 0.5) per feature.
        pauses: Of a cluster that mostly has no order in the last 90 days: how often they
            ordered before. It takes the place of the basket and of discounts, of which nothing
            is known then.
        once: Most have ordered once: that is no rhythm, however seldom others order.
    """
    rhythm = ranks[ORDERS[1].name]  # orders of the last 90 days
    if ranks[RECENCY_DAYS.name] >= LAPSING:
        first = Trait("lapsing", ranks[RECENCY_DAYS.name] - 0.5)
    elif once:
        first = Trait("one order", abs(rhythm - 0.5))
    else:
        first = _word(rhythm, high="frequent", low="occasional", middle="regular")
    second = _basket(ranks[ORDER_VALUE.name] - 0.5, ranks[BASKET_LINES.name] - 0.5)
    found = [first, Trait(pauses, 0.0) if pauses else second]
    tastes = {
        f"loves {name.removeprefix(SHARE_PREFIX).lower()}": rank - 0.5
        for name, rank in ranks.items()
        if name.startswith(SHARE_PREFIX)
    }
    others = [Trait(word, distance) for word, distance in tastes.items() if distance >= TASTE_APART]
    discounts = ranks[DISCOUNT_SHARE.name] - 0.5
    if abs(discounts) >= APART and not pauses:
        others.append(Trait("deal seekers" if discounts > 0 else "full price", abs(discounts)))
    return [*found, *sorted(others, key=lambda trait: -trait.distance)]


def names_of(
    clusters: Sequence[Sequence[Trait]], ranks: Sequence[Mapping[str, float]]
) -> list[str]:
    """Name each cluster by its first words, by as many as it takes to tell them apart.

    "medium baskets" sets nobody apart, so it is a trait but not part of a name. Clusters that
    all words describe alike are named by what they differ in most, one beside the other.

    Args:
        clusters: From `traits_of`.
        ranks: Mean rank per feature of the same clusters.
    """
    spoken = [[t.word for t in traits if t.word != "medium baskets"] for traits in clusters]
    names = [_phrase(words[:_NAMED]) for words in spoken]
    for number, words in enumerate(spoken):
        if names.count(names[number]) > 1:
            names[number] = _phrase(words)
    alike: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        alike.setdefault(name, []).append(number)
    for name, members in alike.items():
        for number, words in _apart(members, ranks, frozenset()).items():
            names[number] = ", ".join([name, *words])
    return names


def _apart(
    members: Sequence[int], ranks: Sequence[Mapping[str, float]], used: frozenset[str]
) -> dict[int, list[str]]:
    """Split alike clusters at the widest gap in any one feature, until each is by itself."""
    if len(members) == 1:
        return {members[0]: []}

    def gaps(feature: str) -> list[float]:
        values = sorted(ranks[each][feature] for each in members)
        return [high - low for low, high in pairwise(values)]

    feature = max(sorted(ranks[members[0]].keys() - used), key=lambda each: max(gaps(each)))
    at = int(np.argmax(gaps(feature))) + 1
    ordered = sorted(members, key=lambda each: ranks[each][feature])
    words: dict[int, list[str]] = {}
    for part, word in zip((ordered[:at], ordered[at:]), _compared(feature), strict=True):
        inside = _apart(part, ranks, used | {feature})
        words |= {number: [word, *more] for number, more in inside.items()}
    return words


def _compared(feature: str) -> tuple[str, str]:
    """Say who has less and who has more of a feature than the cluster beside it."""
    if feature in _COMPARED:
        return _COMPARED[feature]
    thing = feature.removeprefix(SHARE_PREFIX).lower().replace("_", " ")
    return f"less {thing}", f"more {thing}"


def _basket(value: float, lines: float) -> Trait:
    """Say how big baskets are, or what they are of where money and products disagree."""
    if value * lines < 0 and min(abs(value), abs(lines)) >= APART / 2:
        word = "few but dear products" if value > lines else "many cheap products"
        return Trait(word, abs(value - lines) / 2)
    size = 0.5 + (value + lines) / 2
    return _word(size, high="big baskets", low="small baskets", middle="medium baskets")


def _word(rank: float, *, high: str, low: str, middle: str) -> Trait:
    distance = rank - 0.5
    if abs(distance) < APART:
        return Trait(middle, abs(distance))
    return Trait(high if distance > 0 else low, abs(distance))


def _phrase(words: Sequence[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
