"""The products still to be had for one e-mail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from content.campaign import CompiledCampaign, Product
from content.choosing import Candidate, Seen, choose
from content.decision import Candidates, Rung, Shown
from content.spec import Slot
from content.terms import Terms
from profiles.profile import Pick


def is_excluded(category: str | None, heads: Iterable[str]) -> bool:
    """Say whether a category path starts with one of `heads`, in any case of letters."""
    path = (category or "").casefold()
    return any(path == head.casefold() or path.startswith(f"{head.casefold()}/") for head in heads)


class Shelf:
    """Products still to be had for one e-mail: each leaves it once."""

    def __init__(self, campaign: CompiledCampaign, candidates: Candidates) -> None:
        self._candidates = candidates
        self._static = {product["product_id"]: product for product in campaign.static_products}
        self._static_reason = campaign.spec.static.reason
        self._excluded = campaign.spec.exclude
        self._seen = Seen()

    def take(self, product_id: str, name: str) -> bool:
        """Take a product off the shelf; False when it, or one that reads the same, is gone."""
        return self._seen.take(product_id, name)

    def common(
        self, slot: Slot, *, personal: bool, avoid: frozenset[str] = frozenset()
    ) -> Iterator[tuple[Pick, Rung]]:
        """Give what is not chosen for this one person, best first, without what to avoid.

        A list for everybody that the slot names comes before all; the cluster counts only for
        somebody `personal`.
        """
        known = self._candidates
        named = known.common.get(slot.products.list, ()) if slot.products else ()
        segment = known.segment if personal else ()
        static = (Pick(each, 0.0, "static", self._static_reason) for each in self._static)
        steps: tuple[tuple[Iterable[Pick], Rung], ...] = (
            (named, "popular"),
            (segment, "segment"),
            (known.popular, "popular"),
            (known.rest.get(slot.name, ()), "popular"),
            (static, "static"),
        )
        for picks, rung in steps:
            yield from ((pick, rung) for pick in picks if pick.product_id not in avoid)

    def fill(
        self,
        n: int,
        picks: Iterable[tuple[Pick, Rung]],
        terms: Terms | None = None,
        *,
        barred: Collection[str] = (),
        beside: Sequence[Shown] = (),
    ) -> list[Shown]:
        """Take the first `n` that can be shown and keep to the terms; none that is barred.

        What stands `beside` them in the slot counts for its caps.
        """
        terms = terms or Terms()
        promoted = {
            each.product_id: product
            for each in terms.promote
            if (product := self._product(each.product_id, "popular"))
        }
        chosen = choose(
            self._looked_up(picks),
            n,
            terms,
            self._seen,
            barred=barred,
            promoted=promoted,
            beside=[shown.category for shown in beside],
        )
        return [_shown(*each) for each in chosen]

    def _looked_up(self, picks: Iterable[tuple[Pick, Rung]]) -> Iterator[Candidate]:
        for pick, rung in picks:
            if product := self._product(pick.product_id, rung):
                yield Candidate(product, pick, rung)

    def _product(self, product_id: str, rung: Rung) -> Product | None:
        """Return a product that can be shown in this campaign."""
        product = self._candidates.products.get(product_id)
        if product is None and rung == "static":
            product = self._static[product_id]
        if not product or not product["name"] or is_excluded(product["category"], self._excluded):
            return None
        return product


def _shown(product: Product, pick: Pick, rung: Rung) -> Shown:
    return Shown(
        product_id=product["product_id"],
        name=product["name"],
        price_minor=product["price_minor"],
        currency=product["currency"] or "",
        url=product["url"],
        image_url=product["image_url"],
        category=product["category"] or "",
        source=pick.source,
        score=float(pick.score),
        reason=pick.reason,
        rung=rung,
    )
