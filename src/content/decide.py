"""Choosing: which block goes in each slot, which products, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from content.campaign import CompiledCampaign, rule_name
from content.decision import (
    NO_CONSENT,
    NOT_KNOWN,
    Candidates,
    Choice,
    Decision,
    Person,
    Rung,
    Shown,
    lowest,
)
from content.reads import CONTEXT
from content.shelf import Shelf
from content.spec import BlockRule, ProductRule, Slot
from content.templates import RenderError, plain, run
from profiles.profile import Pick


def decide(campaign: CompiledCampaign, person: Person, *, candidates: Candidates) -> Decision:
    """Choose blocks and products for one person. Never raises for what is not known.

    A product is shown once in an e-mail (nor is another of the same name), only if it is
    available, and never from a category that the campaign excludes. A slot is filled from
    the person's list, then what is popular in their cluster, then overall, then the static
    products of the campaign. Without consent to personalisation only the last two count.
    """
    context = campaign.context(person.context if person.personal else {})
    variables = {**known_variables(campaign, person), CONTEXT: context}
    shown = Shelf(campaign, candidates)
    slots = tuple(
        _products(slot, slot.products, person, shown, _block(campaign, slot, person, variables))
        if slot.products
        else _block(campaign, slot, person, variables)
        for slot in campaign.spec.slots
    )
    return Decision(
        campaign=campaign.name,
        version=campaign.version,
        personal=person.personal,
        rung=lowest([choice.rung for choice in slots]),
        facts={name: variables[name] for name in campaign.facts},
        context=context,
        slots=slots,
    )


def restock(
    campaign: CompiledCampaign,
    decision: Decision,
    candidates: Candidates,
    *,
    lists: Mapping[str, Sequence[Pick]],
) -> Decision:
    """Return a kept decision without the products that are not available any more.

    Their places are filled as in `decide`, but never with anything personal: of the person's
    `lists` only those count that a slot avoids. All else, names and prices too, stays as it
    was shown first.
    """
    gone = {
        shown.product_id
        for choice in decision.slots
        for shown in choice.products
        if (product := candidates.products.get(shown.product_id)) and not product["available"]
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
        avoid = _avoided(slot.products, lists) if decision.personal else frozenset()
        common = shelf.common(personal=False, avoid=avoid)
        kept += shelf.fill(len(choice.products) - len(kept), common)
        reason = choice.reason
        if reason.startswith(share := _share(choice.products)):
            reason = _share(kept) + reason.removeprefix(share)
        changed = replace(choice, reason=reason, products=tuple(kept))
        slots.append(_titled(changed, slot.products))
    return replace(decision, slots=tuple(slots), rung=lowest([slot.rung for slot in slots]))


def known_variables(campaign: CompiledCampaign, person: Person) -> dict[str, object]:
    """Return every variable of the campaign: the person's value, else its default."""
    variables: dict[str, object] = dict(campaign.spec.defaults)
    if not person.personal:
        return variables
    known = {**person.traits, **person.outputs}
    if person.first_name:
        known["first_name"] = person.first_name
    for name, default in campaign.spec.defaults.items():
        value = plain(known.get(name))
        if _same_kind(value, default):
            variables[name] = value
    return variables


def _same_kind(value: object, default: object) -> bool:
    """A value of another kind than its default would surprise the template: not used."""
    if value is None or value == "":
        return False
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, int | float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _block(
    campaign: CompiledCampaign, slot: Slot, person: Person, variables: Mapping[str, object]
) -> Choice:
    rung: Rung = person.rung if person.personal and person.outputs else "popular"
    rule, reason = slot.blocks[-1], slot.blocks[-1].reason or "for everybody"
    if not person.personal:
        reason = NO_CONSENT
    elif not person.outputs:
        reason = NOT_KNOWN
    for number, candidate in enumerate(slot.blocks[:-1]):
        if person.personal and _holds(campaign, rule_name(slot.name, number), variables):
            rule, reason = candidate, _because(candidate)
            break
    return Choice(slot=slot.name, block=rule.block, reason=reason, rung=rung)


def _because(rule: BlockRule) -> str:
    return rule.reason or f"when {rule.when}"


def _holds(campaign: CompiledCampaign, name: str, variables: Mapping[str, object]) -> bool:
    try:
        return bool(run(campaign.env, name, variables))
    except (
        RenderError
    ):  # publish tried it; whatever a customer's data does to it, nobody is left blank
        return False


def _products(slot: Slot, rule: ProductRule, person: Person, shelf: Shelf, block: Choice) -> Choice:
    own: Sequence[Pick] = person.lists.get(rule.list, ()) if person.personal else ()
    avoid = _avoided(rule, person.lists) if person.personal else frozenset()
    shown = shelf.fill(rule.n, ((pick, person.rung) for pick in own))
    shown += shelf.fill(rule.n - len(shown), shelf.common(personal=person.personal, avoid=avoid))
    reason = block.reason
    if person.personal and person.outputs:
        reason = f"{_share(shown)}{rule.list}"
    return _titled(replace(block, reason=reason, products=tuple(shown)), rule)


def _avoided(rule: ProductRule, lists: Mapping[str, Sequence[Pick]]) -> frozenset[str]:
    return frozenset(pick.product_id for name in rule.avoid for pick in lists.get(name, ()))


def _own(products: Sequence[Shown]) -> int:
    return sum(shown.rung in ("fresh", "snapshot") for shown in products)


def _share(products: Sequence[Shown]) -> str:
    return f"{_own(products)} of {len(products)} from "


def _titled(choice: Choice, rule: ProductRule) -> Choice:
    """Name the slot after what is in it: its own title only if at least half is the person's."""
    own = _own(choice.products)
    rungs: list[Rung] = [shown.rung for shown in choice.products]
    return replace(
        choice,
        title=rule.title if own and own * 2 >= len(rungs) else rule.fallback_title,
        text="" if rungs else rule.fallback_text,
        rung=lowest(rungs),
    )
