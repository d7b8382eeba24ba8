"""The products still to be had for one e-mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from content.campaign import CompiledCampaign, Product
from content.decision import Candidates, Rung, Shown
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
        self._ids: set[str] = set()
        self._names: set[str] = set()

    def take(self, product_id: str, name: str) -> bool:
        """Take a product off the shelf; False when it, or one that reads the same, is gone."""
        label = name.casefold()
        if product_id in self._ids or label in self._names:
            return False
        self._ids.add(product_id)
        self._names.add(label)
        return True

    def common(
        self, *, personal: bool, avoid: frozenset[str] = frozenset()
    ) -> Iterator[tuple[Pick, Rung]]:
        """Give what is not chosen for this one person, best first."""
        if personal:
            yield from (
                (p, "segment") for p in self._candidates.segment if p.product_id not in avoid
            )
        yield from ((p, "popular") for p in self._candidates.popular if p.product_id not in avoid)
        yield from (
            (Pick(product_id, 0.0, "static", self._static_reason), "static")
            for product_id in self._static
            if product_id not in avoid
        )

    def fill(self, n: int, picks: Iterator[tuple[Pick, Rung]]) -> list[Shown]:
        """Take the first `n` that can be shown."""
        shown: list[Shown] = []
        for pick, rung in picks:
            if len(shown) == n:
                break
            product = self._candidates.products.get(pick.product_id)
            if product is None and rung == "static":
                product = self._static[pick.product_id]
            if product and self._fits(product) and self.take(pick.product_id, product["name"]):
                shown.append(_shown(product, pick, rung))
        return shown

    def _fits(self, product: Product) -> bool:
        excluded = is_excluded(product["category"], self._excluded)
        return bool(product["available"] and product["name"] and not excluded)


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
