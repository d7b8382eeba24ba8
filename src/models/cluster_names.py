"""Names for clusters: words for what sets one apart from the shop, not numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from features.affinity import SHARE_PREFIX
from features.registry import (
    BASKET_LINES,
    DISCOUNT_SHARE,
    ORDER_VALUE,
    ORDERS,
    RECENCY_DAYS,
)

APART: Final = 0.12  # how far a cluster's mean rank is from the middle to be worth a word
TASTE_APART: Final = 0.06  # for tastes, which differ less than habits do
LAPSING: Final = 0.70  # mean rank of recency from which customers are slipping away
_NAMED: Final = 3  # words in a name; the traits have them all


@dataclass(frozen=True, slots=True)
class Trait:
    """A word and how far the cluster is from the shop's middle in that respect."""

    word: str
    distance: float


def traits_of(ranks: Mapping[str, float]) -> list[Trait]:
    """Put a cluster into words, rhythm and basket first, then what else stands out.

    Args:
        ranks: Mean rank (0 to 1, the shop's mean is 0.5) per feature.
    """
    rhythm = ranks[ORDERS[1].name]  # orders of the last 90 days
    if ranks[RECENCY_DAYS.name] >= LAPSING:
        first = Trait("lapsing", ranks[RECENCY_DAYS.name] - 0.5)
    else:
        first = _word(rhythm, high="frequent", low="occasional", middle="regular")
    basket = (ranks[ORDER_VALUE.name] + ranks[BASKET_LINES.name]) / 2
    found = [first, _word(basket, high="big baskets", low="small baskets", middle="medium baskets")]
    tastes = {
        f"loves {name.removeprefix(SHARE_PREFIX).lower()}": rank - 0.5
        for name, rank in ranks.items()
        if name.startswith(SHARE_PREFIX)
    }
    others = [Trait(word, distance) for word, distance in tastes.items() if distance >= TASTE_APART]
    discounts = ranks[DISCOUNT_SHARE.name] - 0.5
    if abs(discounts) >= APART:
        others.append(Trait("deal seekers" if discounts > 0 else "full price", abs(discounts)))
    return [*found, *sorted(others, key=lambda trait: -trait.distance)]


def names_of(clusters: Sequence[Sequence[Trait]]) -> list[str]:
    """Name each cluster by its first words, by as many as it takes to tell them apart.

    "medium baskets" sets nobody apart, so it is a trait but not part of a name.
    """
    spoken = [[t.word for t in traits if t.word != "medium baskets"] for traits in clusters]
    names = [_phrase(words[:_NAMED]) for words in spoken]
    for number, words in enumerate(spoken):
        if names.count(names[number]) > 1:
            names[number] = _phrase(words)
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[number] = f"{name} ({seen[name]})"
    return names


def _word(rank: float, *, high: str, low: str, middle: str) -> Trait:
    distance = rank - 0.5
    if abs(distance) < APART:
        return Trait(middle, abs(distance))
    return Trait(high if distance > 0 else low, abs(distance))


def _phrase(words: Sequence[str]) -> str:
    text = ", ".join(words)
    return text[:1].upper() + text[1:]
