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

_ANCHORS: Final = 12  # that tell a list; a session's last ones say most of what it wants
_KEPT: Final = 60  # products of a list
_FADES: Final = 0.8  # what each product counts of the one that came after it

_LIKE: Final[Mapping[Way, str]] = {
    "asked": "Like {}",
    "viewed": "Like {}, which you viewed",
    "cart": "Like {}, in your basket",
    "bought": "Like {}, which you bought",
}
_REASONS: Final[Mapping[Kin, str]] = {
    "goes_with": "Often bought with {}",
    "bought_too": "People who bought {} buy this too",
}
_UNNAMED: Final[Mapping[Kin, str]] = {
    "similar_to": "Like something you looked at",
    "goes_with": "Often bought together",
    "bought_too": "Often bought by people with your tastes",
}


class Anchor(NamedTuple):
    """A product that says what is wanted, and how much it counts."""

    product_id: str
    way: Way
    weight: float


class _Best(NamedTuple):
    """What speaks most for a product."""

    share: float
    anchor: Anchor
    kind: Kin


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
    known = products.kin((one.product_id for one in anchors), *kinds) if products else {}
    totals: dict[int, float] = {}
    best: dict[int, _Best] = {}
    for anchor in anchors:
        for kind, near in known.get(anchor.product_id, {}).items():
            scale = anchor.weight / near.scores[0]
            for number, score in zip(near.numbers, near.scores, strict=True):
                share = score * scale
                totals[number] = totals.get(number, 0.0) + share
                if number not in best or best[number].share < share:
                    best[number] = _Best(share, anchor, kind)
            break
    numbers = sorted(totals, key=lambda one: (-totals[one], one))[:_KEPT]
    ids = products.ids(numbers) if products else {}
    scored = {ids[number]: (totals[number], best[number]) for number in numbers}
    if "similar_to" in kinds:
        scored |= _newest(catalogue, anchors, rows)
    for anchor in anchors:
        scored.pop(anchor.product_id, None)
    order = sorted(scored, key=lambda one: (-scored[one][0], one))
    return [
        Pick(key, round(scored[key][0], 4), source, _why(scored[key][1], rows)) for key in order
    ]


def _newest(
    catalogue: Catalogue, anchors: Sequence[Anchor], rows: Mapping[str, Product]
) -> dict[str, tuple[float, _Best]]:
    """Compare what no snapshot knows yet: each counts by the anchor that it is most like."""
    found: dict[str, tuple[float, _Best]] = {}
    for anchor in anchors:
        if row := rows.get(anchor.product_id):
            for product_id, like in catalogue.newest_like(row).items():
                share = like * anchor.weight
                if product_id not in found or found[product_id][0] < share:
                    found[product_id] = share, _Best(share, anchor, "similar_to")
    return found


def _why(best: _Best, rows: Mapping[str, Product]) -> str:
    """Name the product that speaks for another; never one that is not to be had."""
    row = rows.get(best.anchor.product_id)
    if row is None or not row["available"] or not row["name"]:
        return _UNNAMED[best.kind]
    words = _LIKE[best.anchor.way] if best.kind == "similar_to" else _REASONS[best.kind]
    return words.format(row["name"])
