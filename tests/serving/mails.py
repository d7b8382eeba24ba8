"""Asks for e-mails, and looks at what was decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from serving.brain import Brain
from serving.messages import Rendering, RenderRequest
from serving.rendering import render_content


def render(
    brain: Brain,
    customer_id: str = "ann",
    send_id: str = "s1",
    context: dict[str, object] | None = None,
) -> dict[str, Any]:
    asked = {
        "campaign": "weekly_picks",
        "send_id": send_id,
        "recipients": [{"customer_id": customer_id, "context": context or {}}],
    }
    request = RenderRequest.model_validate(asked)
    rendering = render_content(brain, request, request.recipients)[0]
    Rendering.model_validate(rendering)
    return rendering


def shown(brain: Brain, send_id: str = "s1", customer_id: str = "ann") -> set[str]:
    kept = brain.decisions.find("weekly_picks", send_id, [customer_id])[customer_id].body
    decision: Any = kept["decision"]
    return {product["product_id"] for slot in decision["slots"] for product in slot["products"]}


def with_rule(brain: Brain, **rule: object) -> None:
    """Give the campaign's slot `new_for_you` another rule."""
    campaign = brain.campaigns["weekly_picks"]
    spec = campaign.spec.model_dump(mode="json", by_alias=True)
    (slot,) = [each for each in spec["slots"] if each["name"] == "new_for_you"]
    slot["products"].update(rule)
    changed = replace(campaign, spec=campaign.spec.model_validate(spec))
    brain.campaigns = {"weekly_picks": changed}


def in_slot(brain: Brain, name: str, customer_id: str = "ann") -> list[tuple[str, str]]:
    kept = brain.decisions.find("weekly_picks", "s1", [customer_id])[customer_id].body
    decision: Any = kept["decision"]
    (slot,) = [each for each in decision["slots"] if each["slot"] == name]
    return [(product["product_id"], product["reason"]) for product in slot["products"]]
