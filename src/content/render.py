"""Rendering a decision: plain values in, the finished e-mail out. No I/O, no clock."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

from content.campaign import (
    HTML,
    PREHEADER,
    STATIC_PUBLIC_URL,
    STATIC_UNSUBSCRIBE_URL,
    SUBJECT,
    TEXT,
    CompiledCampaign,
    StaticEmail,
)
from content.decision import Choice, Decision, Rung, Shown
from content.reads import CONTEXT
from content.templates import RenderError, money, plain, run, safe_url
from content.tiles import tile_name

_OPENS: Final = "<!--slot:"
_CLOSES: Final = "<!--/slot-->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an e-mail says that is not part of the decision: addresses and the reader's name."""

    public_url: str  # of the service: pictures
    unsubscribe_url: str
    first_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One slot as it was filled."""

    slot: str
    block: str
    reason: str
    rung: Rung
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The finished e-mail. `failure` is set when it is the static one because a template failed."""

    subject: str
    preheader: str
    html: str
    text: str
    blocks: Sequence[Block]
    rung: Rung
    failure: str | None = field(default=None)


def render(campaign: CompiledCampaign, decision: Decision, context: Context) -> Content:
    """Render `decision`; the same decision and context give the same bytes.

    If a template fails, the e-mail that was rendered when the campaign was published takes
    its place, with rung `static` and the failure named.
    """
    try:
        return _rendered(campaign, decision, context)
    except RenderError as error:
        return static_content(campaign, context, failure=str(error))


def static_content(
    campaign: CompiledCampaign, context: Context, *, failure: str | None = None
) -> Content:
    """Return the e-mail that ships with the campaign. Cannot fail."""
    ready = campaign.static or StaticEmail(subject="", preheader="", html="", text="", blocks=[])

    def addressed(body: str, *, escape: bool) -> str:
        for placeholder, address in (
            (STATIC_UNSUBSCRIBE_URL, context.unsubscribe_url),
            (STATIC_PUBLIC_URL, context.public_url.rstrip("/")),
        ):
            body = body.replace(placeholder, html.escape(address) if escape else address)
        return body

    return Content(
        subject=ready["subject"],
        preheader=ready["preheader"],
        html=addressed(ready["html"], escape=True),
        text=addressed(ready["text"], escape=False),
        blocks=[
            Block(
                slot=block["slot"],
                block=block["block"],
                reason=failure or "static content of the campaign",
                rung="static",
                html=addressed(block["html"], escape=True),
            )
            for block in ready["blocks"]
        ],
        rung="static",
        failure=failure,
    )


def template_context(
    campaign: CompiledCampaign, decision: Decision, context: Context
) -> dict[str, object]:
    """Return the plain variables templates see, all but `subject` and `preheader`."""
    spec = campaign.spec
    known = {**spec.defaults, **decision.facts}
    variables = {name: plain(value) for name, value in known.items()}
    if "first_name" in spec.defaults and decision.personal:
        variables["first_name"] = plain(context.first_name or spec.defaults["first_name"])
    return {
        **variables,
        CONTEXT: campaign.context(decision.context),
        "campaign": spec.name,
        "pictures": f"{context.public_url.rstrip('/')}/assets/{spec.name}/tiles",
        "language": spec.language,
        "edition": edition(decision),
        "shop": spec.shop.model_dump(),
        "why": spec.why,
        "unsubscribe_text": spec.unsubscribe_text,
        "unsubscribe_url": context.unsubscribe_url,
        "slots": {
            # A slot that came into the campaign after this was decided stays empty.
            **{slot.name: {"block": "", "products": []} for slot in spec.slots},
            **{choice.slot: _slot(campaign, choice, context) for choice in decision.slots},
        },
    }


def _slot(campaign: CompiledCampaign, choice: Choice, context: Context) -> dict[str, object]:
    return {
        "block": choice.block,
        "title": choice.title,
        "text": choice.text,
        "rung": choice.rung,
        "products": [_product(campaign, shown, context) for shown in choice.products],
    }


def edition(decision: Decision) -> Literal["personal", "general", "no_consent"]:
    """Say whose e-mail this is, so that it claims to be personal only when it is."""
    if not decision.personal:
        return "no_consent"
    own = any(s.rung in ("fresh", "snapshot") for choice in decision.slots for s in choice.products)
    return "personal" if own else "general"


def _rendered(campaign: CompiledCampaign, decision: Decision, context: Context) -> Content:
    variables = template_context(campaign, decision, context)
    variables["subject"] = plain(run(campaign.env, SUBJECT, variables))
    variables["preheader"] = plain(run(campaign.env, PREHEADER, variables))
    marked = run(campaign.env, HTML, variables)
    page, parts = _cut(marked)
    return Content(
        subject=str(variables["subject"]),
        preheader=str(variables["preheader"]),
        html=page,
        text=tidy(run(campaign.env, TEXT, variables)),
        blocks=_blocks(decision.slots, parts),
        rung=decision.rung,
    )


def _cut(marked: str) -> tuple[str, dict[str, str]]:
    """Return the page without the marks around slots, and what stood between them."""
    before, *rest = marked.split(_OPENS)
    page, parts = [before], {}
    for piece in rest:
        name, _, body = piece.partition("-->")
        parts[name], _, after = body.partition(_CLOSES)
        page += [parts[name], after]
    return "".join(page), parts


def tidy(text: str) -> str:
    """Take trailing blanks and runs of empty lines out of a text part."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _blocks(choices: Sequence[Choice], parts: Mapping[str, str]) -> list[Block]:
    return [
        Block(
            slot=choice.slot,
            block=choice.block,
            reason=choice.reason,
            rung=choice.rung,
            html=parts.get(choice.slot, "").strip(),
        )
        for choice in choices
    ]


def _product(campaign: CompiledCampaign, shown: Shown, context: Context) -> dict[str, object]:
    shop_page = campaign.spec.shop.product_url.replace(
        "{product_id}", quote(shown.product_id, safe="")
    )
    picture = safe_url(shown.image_url)
    if not picture.startswith(("http://", "https://")):
        file = tile_name(shown.category)
        file = file if file in campaign.tiles else tile_name("")
        picture = f"{context.public_url.rstrip('/')}/assets/{campaign.name}/tiles/{file}"
    return {
        "product_id": plain(shown.product_id),
        "name": plain(shown.name),
        "price": "" if shown.price_minor is None else money(shown.price_minor, shown.currency),
        "url": safe_url(shown.url) or shop_page,
        "image_url": picture,
        "category": plain(shown.category.partition("/")[0]),
        "reason": plain(shown.reason),
        "source": plain(shown.source),
        "rung": shown.rung,
    }
