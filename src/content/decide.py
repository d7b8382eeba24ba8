"""Choosing: which block goes in each slot, which products, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from content.campaign import CompiledCampaign, rule_name
from content.choosing import PROMOTION
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
    its list, then what is popular in the person's cluster, then overall, then the static
    products of the campaign, by the terms of its rule. Without consent to
    personalisation nothing of the person or the cluster counts.
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
    bought: Mapping[str, float] | None = None,
) -> Decision:
    """Return a kept decision without the products that are not available any more.

    Their places are filled as in `decide`, but never with anything personal: of the person's
    `lists` only those count that a slot avoids, and what they `bought` (days ago) only where it
    is not to be shown. All else, names and prices too, stays as it was shown first.
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
        avoid, barred = frozenset[str](), frozenset[str]()
        if decision.personal:
            avoid = _avoided(slot.products, lists)
            barred = _bought_of_late(slot.products, bought)
        common = shelf.common(slot, personal=False, avoid=avoid)
        slots.append(_filled(choice, slot.products, kept, shelf, common, barred))
    return replace(decision, slots=tuple(slots), rung=lowest([slot.rung for slot in slots]))


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
    if reason.startswith(share := _share(choice.products, rule)):
        reason = _share(products, rule) + reason.removeprefix(share)
    return _titled(replace(choice, reason=reason, products=tuple(products)), rule)


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
    own, avoid, barred = list[Pick](), frozenset[str](), frozenset[str]()
    if person.personal:
        own = list(person.lists.get(rule.list, ()))
        avoid, barred = _avoided(rule, person.lists), _bought_of_late(rule, person.bought)
    picks = chain(
        ((pick, person.rung) for pick in own),
        shelf.common(slot, personal=person.personal, avoid=avoid),
    )
    shown = shelf.fill(rule.n, picks, rule, barred=barred)
    reason = block.reason
    if person.personal and person.outputs:
        reason = f"{_share(shown, rule)}{rule.list}"
    return _titled(replace(block, reason=reason, products=tuple(shown)), rule)


def _avoided(rule: ProductRule, lists: Mapping[str, Sequence[Pick]]) -> frozenset[str]:
    return frozenset(pick.product_id for name in rule.avoid for pick in lists.get(name, ()))


def _bought_of_late(rule: ProductRule, bought: Mapping[str, float] | None) -> frozenset[str]:
    within = rule.filter.not_bought_days
    if within is None or not bought:
        return frozenset()
    return frozenset(product_id for product_id, days in bought.items() if days < within)


def _own(products: Sequence[Shown], rule: ProductRule) -> int:
    """Count those from the list that the slot names, the person's or everybody's."""
    return sum(
        shown.rung in ("fresh", "snapshot") or shown.source == rule.list for shown in products
    )


def _share(products: Sequence[Shown], rule: ProductRule) -> str:
    return f"{_own(products, rule)} of {len(products)} from "


def _titled(choice: Choice, rule: ProductRule) -> Choice:
    """Name the slot after what is in it: its own title only if at least half is from its list.

    What is promoted says nothing of the list.
    """
    own = _own(choice.products, rule)
    chosen = [shown for shown in choice.products if shown.source != PROMOTION]
    return replace(
        choice,
        title=rule.title if own and own * 2 >= len(chosen) else rule.fallback_title,
        text="" if choice.products else rule.fallback_text,
        rung=lowest([shown.rung for shown in chosen or choice.products]),
    )
