"""Somebody, what they get, and rules for it: shared by tests of decisions."""

from __future__ import annotations

from dataclasses import replace

from content.campaign import CompiledCampaign
from content.decision import Choice, Decision, Person
from profiles.profile import Pick


def picks(*ids: str, why: str = "because") -> list[Pick]:
    return [Pick(product_id, 1.0, "test", why) for product_id in ids]


def names(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(n)]


def ann(**given: object) -> Person:
    facts: dict[str, object] = {
        "outputs": {"cluster_traits": ["frequent"], "recency_days": 3},
        "lists": {"buy_again": picks(*names("a", 6)), "new_for_you": picks(*names("n", 6))},
    }
    return Person(customer_id="ann", **{**facts, **given})  # type: ignore[arg-type]


def slot(decision: Decision, name: str) -> Choice:
    return next(choice for choice in decision.slots if choice.slot == name)


def ids(choice: Choice) -> list[str]:
    return [shown.product_id for shown in choice.products]


def ruled(campaign: CompiledCampaign, **rule: object) -> CompiledCampaign:
    """Return the campaign with another rule for its slot `new_for_you`."""
    slots = [
        each.model_copy(
            update={
                "products": each.products.model_validate({**each.products.model_dump(), **rule})
            }
        )
        if each.name == "new_for_you" and each.products
        else each
        for each in campaign.spec.slots
    ]
    return replace(campaign, spec=campaign.spec.model_copy(update={"slots": tuple(slots)}))
