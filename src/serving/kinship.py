"""Products that belong with what somebody looks at, has in the basket, or bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from content.campaign import Product
from profiles.products import Kin, Products
from profiles.profile import Pick
from serving.catalogue import Catalogue

# How somebody came by a product: asked about by the caller, or the customer's own doing.
Way = Literal["asked", "viewed", "cart", "bought"]

SESSION: Final = "session"  # the source of what follows from what was done just now

_ANCHORS: Final = 8  # that tell a list; a session's last ones say most of what it wants
_KEPT: Final = 60  # products of a list
_LOOKED_AT: Final = 120  # neighbours, of all anchors together
_FEWEST: Final = 12  # of one
_FADES: Final = 0.8  # what each product counts of the one that came after it

_LIKE: Final[Mapping[Way, str]] = {
    "asked": "Like {}",
    "viewed": "Like {}, which you viewed",
    "cart": "Like {}, in your basket",
    "bought": "Like {}, which you bought",
}
_REASONS: Final[Mapping[Kin, str]] = {
    "goes_with": "Bought together with {}",
    "bought_too": "People who bought {} buy this too",
}
# What is not to be had is not named.
_UNNAMED: Final[Mapping[Way, str]] = {
    "asked": "what you are looking at",
    "viewed": "what you viewed",
    "cart": "what is in your basket",
    "bought": "what you bought",
}


class Anchor(NamedTuple):
    """A product that says what is wanted, and how much it counts."""

    product_id: str
    way: Way
    weight: float


_Scored = tuple[str, float, str]  # product, score, reason


def anchors_of(ways: Iterable[tuple[Way, Sequence[str]]]) -> list[Anchor]:
    """Return what counts most of some ways; of each, products stand with the latest last.

    One that comes twice counts once, where it counts most.
    """
    found: dict[str, Anchor] = {}
    for way, product_ids in ways:
        latest = dict.fromkeys(reversed(product_ids))
        for age, product_id in enumerate(latest):
            anchor = Anchor(product_id, way, _FADES**age)
            known = found.get(product_id)
            if known is None or known.weight < anchor.weight:
                found[product_id] = anchor
    return sorted(found.values(), key=lambda one: -one.weight)[:_ANCHORS]


def relatives(
    catalogue: Catalogue,
    products: Products | None,
    anchors: Sequence[Anchor],
    *kinds: Kin,
    source: str,
) -> list[Pick]:
    """Return products that belong with the anchors, best first, the anchors not among them.

    Nor is what is called as one of them is: to a reader it is the same.

    Of each anchor the first kind counts by which it has neighbours at all. They count in relation
    to the nearest of them, times the anchor's weight; a product's score is the sum.

    Args:
        catalogue: As it is now; what came in after the snapshot is compared by its words.
        products: Of the snapshot; None where there is none.
        anchors: What says what is wanted.
        kinds: In what way products may belong, the best first.
        source: What is told of each.
    """
    if not anchors:
        return []
    rows = catalogue.products(one.product_id for one in anchors)
    found = _known(products, anchors, kinds, rows) if products else []
    if "similar_to" in kinds and catalogue.newest:
        newest = _newest(catalogue, anchors, rows)
        found = sorted([*newest, *found], key=lambda one: -one[1])
    own = {one.product_id for one in anchors}
    names = {row["name"].casefold() for row in rows.values()}
    others = catalogue.products(key for key, _, _ in found).items()
    own.update(key for key, row in others if row["name"].casefold() in names)
    return [Pick(key, score, source, why) for key, score, why in found if key not in own]


def _known(
    products: Products, anchors: Sequence[Anchor], kinds: Sequence[Kin], rows: Mapping[str, Product]
) -> list[_Scored]:
    """Score what the snapshot knows; the reason is what speaks most for a product."""
    near_by_anchor = products.kin((one.product_id for one in anchors), *kinds)
    each = max(_FEWEST, _LOOKED_AT // len(anchors))
    counted = []
    for anchor in anchors:
        if found := near_by_anchor.get(anchor.product_id):
            kind, near = found
            counted.append((_why(anchor, kind, rows), anchor.weight / near.scores[0], near))
    totals: dict[int, float] = {}
    for _, scale, near in counted:
        for number, score in zip(near.numbers[:each], near.scores[:each], strict=True):
            totals[number] = totals.get(number, 0.0) + score * scale
    best = sorted(totals, key=totals.__getitem__, reverse=True)[:_KEPT]
    most = dict.fromkeys(best, (0.0, ""))  # of those only: they are few
    for why, scale, near in counted:
        for number, score in zip(near.numbers[:each], near.scores[:each], strict=True):
            if number in most and score * scale > most[number][0]:
                most[number] = score * scale, why
    ids = products.ids(best)
    return [(ids[number], totals[number], most[number][1]) for number in best]


def _newest(
    catalogue: Catalogue, anchors: Sequence[Anchor], rows: Mapping[str, Product]
) -> list[_Scored]:
    """Compare what no snapshot knows yet: each counts by the anchor that it is most like."""
    found: dict[str, _Scored] = {}
    for anchor in anchors:
        if row := rows.get(anchor.product_id):
            for key, like in catalogue.newest_like(row).items():
                share = like * anchor.weight
                if key not in found or found[key][1] < share:
                    found[key] = key, share, _why(anchor, "similar_to", rows)
    return sorted(found.values())


def _why(anchor: Anchor, kind: Kin, rows: Mapping[str, Product]) -> str:
    """Name the product that speaks for others; never one that is not to be had."""
    row = rows.get(anchor.product_id)
    if row and row["available"] and row["name"]:
        words = _LIKE[anchor.way] if kind == "similar_to" else _REASONS[kind]
        return words.format(row["name"])
    words = _LIKE["asked"] if kind == "similar_to" else _REASONS[kind]
    return words.format(_UNNAMED[anchor.way])
