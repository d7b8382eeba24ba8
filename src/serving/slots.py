"""Where each slot takes its products from: the slot's own list first, what is popular last.

A ladder is read only as far as places are to be filled. What sells best goes on after the popular
list through the whole catalogue, so that a list is short only where nothing more fits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import Final, TypeVar

from content.choosing import Candidate
from content.decision import Rung
from content.terms import ProductFilter
from profiles.products import Kin, Products
from profiles.profile import (
    BUY_AGAIN,
    GOES_WITH,
    NEW_ARRIVALS,
    NEW_FOR_YOU,
    POPULAR,
    SIMILAR_TO,
    Pick,
    Profile,
)
from profiles.snapshot import Snapshot
from serving.brain import Brain
from serving.catalogue import Catalogue
from serving.kinship import SESSION, Anchor, Way, anchors_of, relatives
from serving.sessions import Session

_T = TypeVar("_T")
Step = Sequence[tuple[Pick, Rung]]  # some products at once: one by one takes twice as long

HISTORY: Final = "history"  # the source of what was bought before, in no particular habit
BOUGHT_BEFORE: Final = "You bought this before"
JUST_IN: Final = "New in the shop"

# In which ways products may belong to what tells a list, the best first.
_KINDS: Final[Mapping[str, tuple[Kin, ...]]] = {
    SIMILAR_TO: ("similar_to", "bought_too"),
    GOES_WITH: ("goes_with", "bought_too"),
    SESSION: ("bought_too", "goes_with", "similar_to"),
}
_LATEST: Final = 5  # products bought last, that tell what goes with them
_SHELVES: Final = 3  # whose best sellers follow what is similar: those of what counts most
_BLOCK: Final = 30  # products looked up at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """Somebody products are chosen for: all that may be used of them.

    The session is what they did since the snapshot. Without consent to personalisation all of it
    is empty.
    """

    profile: Profile | None = None
    session: Session = field(default_factory=Session)

    @property
    def ways(self) -> list[tuple[Way, Sequence[str]]]:
        """What was done just now, by how."""
        session = self.session
        return [("viewed", session.viewed), ("cart", session.cart), ("bought", session.bought)]

    def barred(self, slot: str, *, within_days: float) -> set[str]:
        """Return what is not shown in a slot.

        In the basket, bought just now, bought less than `within_days` before the snapshot; and
        whatever they ever bought, as far as it is known, where it says that all is new.
        """
        barred = {*self.session.cart, *self.session.bought}
        if self.profile is None:
            return barred
        before = self.profile.bought
        if slot == NEW_FOR_YOU:
            again = self.profile.lists.get(BUY_AGAIN, ())
            return barred.union(before, (pick.product_id for pick in again))
        return barred.union(key for key, days in before.items() if days < within_days)


def ladder(
    brain: Brain, slot: str, shopper: Shopper, *, asked: Sequence[str], wanted: ProductFilter
) -> Iterator[Candidate]:
    """Give what may stand in a slot, best first; filters and caps come later.

    Args:
        brain: What is known.
        slot: Its name.
        shopper: Whom it is for.
        asked: Products that the request itself asks about; only of `similar_to`, `goes_with`.
        wanted: What to look for among the best sellers, when all else has run out.
    """
    steps = chain(_own(brain, slot, shopper, asked), _common(brain, shopper, wanted))
    for step in steps:
        for start in range(0, len(step), _BLOCK):
            block = step[start : start + _BLOCK]
            rows = brain.catalogue.products([pick.product_id for pick, _ in block])
            for pick, rung in block:
                if row := rows.get(pick.product_id):
                    yield Candidate(row, pick, rung)


def anchors_for(shopper: Shopper, asked: Sequence[str]) -> list[Anchor]:
    """Return what `similar_to` and `goes_with` are about, what counts most first."""
    anchors = anchors_of([("asked", asked)] if asked else shopper.ways)
    if not anchors and shopper.profile:
        return _last_bought(shopper.profile)
    return anchors


def kin_lists(
    catalogue: Catalogue, products: Products, profile: Profile, slots: Collection[str]
) -> dict[str, list[Pick]]:
    """Return which products belong with those a customer bought last, for some of the slots."""
    anchors = _last_bought(profile)
    return {
        slot: relatives(catalogue, products, anchors, *_KINDS[slot], source=slot)
        for slot in slots
        if slot in _KINDS
    }


def common_list(catalogue: Catalogue, snapshot: Snapshot, slot: str) -> Sequence[Pick]:
    """Return a list for everybody; new arrivals in turns with what came in after the snapshot."""
    known = snapshot.common(slot)
    if slot != NEW_ARRIVALS:
        return known
    newest = [Pick(key, 0.0, NEW_ARRIVALS, JUST_IN) for key in catalogue.newest]
    return _in_turns(newest, known)


def best_sellers(products: Products | None, wanted: ProductFilter) -> Iterator[Pick]:
    """Give what sold best when the snapshot was made, through the whole catalogue."""
    if products:
        yield from products.best(
            {
                "categories": [head.rstrip("/") for head in wanted.heads],
                "min_price_minor": wanted.min_price_minor,
                "max_price_minor": wanted.max_price_minor,
                "has_image": wanted.has_image,
            }
        )


def _own(brain: Brain, slot: str, shopper: Shopper, asked: Sequence[str]) -> Iterator[Step]:
    """Give what the slot is for."""
    profile = shopper.profile
    own = profile.lists.get(slot, ()) if profile else ()
    if slot == BUY_AGAIN and profile:
        yield _on("snapshot", own)
        yield [
            (Pick(key, 1 / (1 + days), HISTORY, BOUGHT_BEFORE), "snapshot")
            for key, days in profile.bought.items()
        ]
    elif slot == NEW_FOR_YOU:
        live = _on("fresh", _relatives(brain, SESSION, anchors_of(shopper.ways)))
        # What is new, in turns: neither what was done just now nor a year's taste is lost.
        barred = shopper.barred(slot, within_days=0)
        new = (
            [each for each in some if each[0].product_id not in barred]
            for some in (live, _on("snapshot", own))
        )
        yield _in_turns(*new)
    elif slot in _KINDS:
        yield from _of_kin(brain, slot, shopper, asked)
    elif slot == POPULAR:
        yield _on("popular", brain.popular)
    elif brain.snapshot:
        yield _on("popular", common_list(brain.catalogue, brain.snapshot, slot))


def _of_kin(brain: Brain, slot: str, shopper: Shopper, asked: Sequence[str]) -> Iterator[Step]:
    anchors = anchors_for(shopper, asked)
    rung: Rung = "fresh" if asked or any(ids for _, ids in shopper.ways) else "snapshot"
    yield _on(rung, _relatives(brain, slot, anchors))
    products = _products(brain)
    if slot == SIMILAR_TO and anchors and products:
        rows = brain.catalogue.products(one.product_id for one in anchors[:_SHELVES])
        paths = [row["category"].casefold() for row in rows.values() if row["category"]]
        if paths:
            yield _on("popular", list(islice(products.best({"categories": paths}), _BLOCK)))


def _common(brain: Brain, shopper: Shopper, wanted: ProductFilter) -> Iterator[Step]:
    """Give what is in no list of the customer's: what others buy."""
    snapshot = brain.snapshot
    if snapshot:
        cluster = shopper.profile.outputs.get("cluster") if shopper.profile else None
        if cluster:
            yield _on("segment", snapshot.popular(str(cluster)))
        yield _on("popular", brain.popular)
        sellers = best_sellers(snapshot.products, wanted)
        while block := list(islice(sellers, _BLOCK)):
            yield _on("popular", block)
    for campaign in brain.campaigns.values():
        reason = campaign.spec.static.reason
        static = [
            Pick(each["product_id"], 0.0, "static", reason) for each in campaign.static_products
        ]
        yield _on("static", static)


def _in_turns(*lists: Sequence[_T]) -> list[_T]:
    return [each for turn in zip_longest(*lists) for each in turn if each is not None]


def _on(rung: Rung, picks: Sequence[Pick]) -> Step:
    return [(pick, rung) for pick in picks]


def _relatives(brain: Brain, slot: str, anchors: Sequence[Anchor]) -> list[Pick]:
    return relatives(brain.catalogue, _products(brain), anchors, *_KINDS[slot], source=slot)


def _products(brain: Brain) -> Products | None:
    return brain.snapshot.products if brain.snapshot else None


def _last_bought(profile: Profile) -> list[Anchor]:
    latest = list(islice(profile.bought, _LATEST))
    return anchors_of([("bought", latest[::-1])])
