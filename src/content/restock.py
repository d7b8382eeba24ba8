"""A decision that was kept, as it can still be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from content.campaign import CompiledCampaign
from content.decide import avoided, bought_of_late, share, titled
from content.decision import Candidates, Choice, Decision, Rung, Shown, lowest
from content.shelf import Shelf
from content.spec import ProductRule
from profiles.profile import Pick


def restock(
    campaign: CompiledCampaign,
    decision: Decision,
    candidates: Candidates,
    *,
    lists: Mapping[str, Sequence[Pick]],
    bought: Mapping[str, float] | None = None,
) -> Decision:
    """Return a kept decision without the products that are not to be had any more.

    Their places are filled as in `decide`, but never with anything personal: of the person's
    `lists` only those count that a slot avoids, and what they `bought` (days ago) only where it
    is not to be shown. All else, names and prices too, stays as it was shown first.
    """
    gone = {
        shown.product_id
        for choice in decision.slots
        for shown in choice.products
        if _is_gone(shown, candidates)
    }
    if not gone:
        return decision
    shelf = Shelf(campaign, candidates)
    for choice in decision.slots:
        for shown in choice.products:
            shelf.take(shown.product_id, shown.name)
    slots = []
    for choice in decision.slots:
        slot = campaign.spec.slot(choice.slot)
        kept = [shown for shown in choice.products if shown.product_id not in gone]
        if slot is None or slot.products is None or len(kept) == len(choice.products):
            slots.append(choice)
            continue
        avoid, barred = frozenset[str](), frozenset[str]()
        if decision.personal:
            avoid = avoided(slot.products, lists)
            barred = bought_of_late(slot.products, bought)
        common = shelf.common(slot, personal=False, avoid=avoid)
        slots.append(_filled(choice, slot.products, kept, shelf, common, barred))
    return replace(decision, slots=tuple(slots), rung=lowest([slot.rung for slot in slots]))


def _is_gone(shown: Shown, candidates: Candidates) -> bool:
    """Say whether a product is not available, or not in the catalogue and no static one."""
    product = candidates.products.get(shown.product_id)
    return shown.rung != "static" if product is None else not product["available"]


def _filled(
    choice: Choice,
    rule: ProductRule,
    kept: Sequence[Shown],
    shelf: Shelf,
    common: Iterable[tuple[Pick, Rung]],
    barred: frozenset[str],
) -> Choice:
    """Return a slot with what is kept of it, filled up to the length it had."""
    unpromoted = rule.model_copy(update={"promote": ()})  # they had their places
    missing = len(choice.products) - len(kept)
    more = shelf.fill(missing, common, unpromoted, barred=barred, beside=kept)
    products, reason = [*kept, *more], choice.reason
    if reason.startswith(before := share(choice.products, rule)):
        reason = share(products, rule) + reason.removeprefix(before)
    return titled(replace(choice, reason=reason, products=tuple(products)), rule)
