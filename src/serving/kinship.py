"""Products that belong with what somebody looks at, has in the basket, or bought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final, Literal, NamedTuple

from content.campaign import Product
from profiles.products import Kin, Products
from profiles.profile import Pick
from serving.catalogue import Catalogue

# How somebody came by a product: asked about by the caller, or the customer's own doing.
Way = Literal["asked", "viewed", "cart", "bought"]

SESSION: Final = "session"  # the source of what follows from what was done just now

_ANCHORS: Final = 10  # that tell a list; a session's last ones say most of what it wants
_KEPT: Final = 60  # products of a list
_BLOCK: Final = 20  # of them looked up at once
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


class _Reason(NamedTuple):
    """What speaks most for a product."""

    anchor: Anchor
    kind: Kin


_Scored = tuple[str, float, _Reason]


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
) -> Iterator[Pick]:
    """Give products that belong with the anchors, best first, the anchors not among them.

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
        return
    rows = catalogue.products(one.product_id for one in anchors)
    own = {one.product_id for one in anchors}
    fresh = _newest(catalogue, anchors, rows) if "similar_to" in kinds else []
    known = _known(products, anchors, kinds) if products else iter(())
    for product_id, score, best in merge(fresh, known, key=lambda one: -one[1]):
        if product_id not in own:
            yield Pick(product_id, round(score, 4), source, _why(best, rows))


def _known(
    products: Products, anchors: Sequence[Anchor], kinds: Sequence[Kin]
) -> Iterator[_Scored]:
    """Give what the snapshot knows, and for each what speaks most for it."""
    found = products.kin((one.product_id for one in anchors), *kinds)
    totals: dict[int, float] = {}
    most: dict[int, float] = {}
    by: dict[int, _Reason] = {}
    for anchor in anchors:
        for kind, near in islice(found.get(anchor.product_id, {}).items(), 1):
            why, scale = _Reason(anchor, kind), anchor.weight / near.scores[0]
            for number, score in zip(near.numbers, near.scores, strict=True):
                share = score * scale
                if number not in totals:
                    totals[number] = most[number] = share
                    by[number] = why
                else:
                    totals[number] += share
                    if share > most[number]:
                        most[number], by[number] = share, why
    best = sorted(totals, key=totals.__getitem__, reverse=True)[:_KEPT]
    for start in range(0, len(best), _BLOCK):
        block = best[start : start + _BLOCK]
        ids = products.ids(block)
        yield from ((ids[number], totals[number], by[number]) for number in block)


def _newest(
    catalogue: Catalogue, anchors: Sequence[Anchor], rows: Mapping[str, Product]
) -> list[_Scored]:
    """Compare what no snapshot knows yet: each counts by the anchor that it is most like."""
    found: dict[str, _Scored] = {}
    for anchor in anchors:
        if row := rows.get(anchor.product_id):
            for product_id, like in catalogue.newest_like(row).items():
                share = like * anchor.weight
                if product_id not in found or found[product_id][1] < share:
                    found[product_id] = product_id, share, _Reason(anchor, "similar_to")
    return sorted(found.values(), key=lambda one: (-one[1], one[0]))


def _why(reason: _Reason, rows: Mapping[str, Product]) -> str:
    """Name the product that speaks for another; never one that is not to be had."""
    row = rows.get(reason.anchor.product_id)
    if row is None or not row["available"] or not row["name"]:
        return _UNNAMED[reason.kind]
    words = _LIKE[reason.anchor.way] if reason.kind == "similar_to" else _REASONS[reason.kind]
    return words.format(row["name"])
