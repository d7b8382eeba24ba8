"""Choosing: which block goes in each slot, which products, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from profiles.profile import NEW_FOR_YOU, Pick


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
        avoid, barred = avoided(rule, person.lists), bought_of_late(rule, person.bought)
    picks = chain(
        ((pick, person.rung) for pick in own),
        shelf.common(slot, personal=person.personal, avoid=avoid),
    )
    shown = shelf.fill(rule.n, picks, rule, barred=barred)
    reason = block.reason
    if person.personal and person.outputs:
        reason = f"{share(shown, rule)}{rule.list}"
    return titled(replace(block, reason=reason, products=tuple(shown)), rule)


def avoided(rule: ProductRule, lists: Mapping[str, Sequence[Pick]]) -> frozenset[str]:
    """Return what a slot is not filled up with."""
    return frozenset(pick.product_id for name in rule.avoid for pick in lists.get(name, ()))


def bought_of_late(rule: ProductRule, bought: Mapping[str, float] | None) -> frozenset[str]:
    """Return what was bought too short a time ago to be shown in a slot, or ever if all is new."""
    within = rule.filter.not_bought_days
    if not bought:
        return frozenset()
    if rule.list == NEW_FOR_YOU:
        return frozenset(bought)
    if within is None:
        return frozenset()
    return frozenset(product_id for product_id, days in bought.items() if days < within)


def _own(products: Sequence[Shown], rule: ProductRule) -> int:
    """Count those from the list that the slot names, the person's or everybody's."""
    return sum(
        shown.rung in ("fresh", "snapshot") or shown.source == rule.list for shown in products
    )


def share(products: Sequence[Shown], rule: ProductRule) -> str:
    """Say how many products are from the list that the slot names."""
    return f"{_own(products, rule)} of {len(products)} from "


def titled(choice: Choice, rule: ProductRule) -> Choice:
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
