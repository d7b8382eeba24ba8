"""Checking and compiling a campaign: all that can go wrong goes wrong here, not at send time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from content.campaign import (
    HTML,
    PREHEADER,
    STATIC_PUBLIC_URL,
    STATIC_UNSUBSCRIBE_URL,
    SUBJECT,
    TEXT,
    CompiledCampaign,
    Product,
    StaticBlock,
    StaticEmail,
)
from content.decide import decide
from content.decision import Candidates, Choice, Decision, Person, Shown
from content.lint import MAX_SUBJECT, Rendered, problems
from content.mjml import compile_html, compile_text, text_from, without_slots
from content.reads import CONTEXT, check_tags, names_read
from content.render import Context, render, template_context
from content.sources import Sources, read_sources
from content.spec import Slot, load_spec
from content.templates import MAX_FIELD, plain
from content.trial import Branch, try_out
from core.errors import ConfigError
from core.ids import digest

_CONTEXT: Final = Context(public_url=STATIC_PUBLIC_URL, unsubscribe_url=STATIC_UNSUBSCRIBE_URL)
_HOSTILE: Final = "\"><script>alert(1)</script>'&Zoë 株式会社 " + "long name " * 12
_HOSTILE_BRANCH: Final = "hostile data"
_HOSTILE_URL: Final = "javascript:alert(1)"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of what `publish` reports."""

    branch: str
    html_bytes: int
    text_bytes: int
    subject: str


def compile_campaign(
    folder: Path,
    *,
    static_products: Sequence[Product],
    tiles: Sequence[str],
    tiles_digest: str = "",
) -> tuple[CompiledCampaign, list[Check]]:
    """Check and compile the campaign in `folder`.

    Args:
        folder: `conf/campaigns/NAME`.
        static_products: Shown when there is nothing better; at least one per product place
            is best, none is allowed (a text takes their place).
        tiles: File names of the tiles that will ship with it.
        tiles_digest: Digest of their contents, so that new tiles make a new version.

    Returns:
        The campaign, ready to save, and one check per branch.

    Raises:
        ConfigError: Anything is wrong with it; one line says what and where.
    """
    spec = load_spec(folder)
    sources = read_sources(folder, spec)
    check_tags(spec, sources)
    try:
        html = compile_html(spec, sources.frame, sources.blocks)
        text = (
            text_from(html)
            if sources.text is None
            else compile_text(spec, sources.text, sources.block_texts)
        )
    except ConfigError as error:
        raise ConfigError(_placed(str(error), sources)) from None
    read = names_read(spec, sources)
    draft = CompiledCampaign(
        spec=spec,
        version="draft",
        html=html,
        text=text,
        facts=read.facts,
        context_names=read.context,
        static_products=tuple(static_products),
        tiles=frozenset(tiles),
    )
    checks = _try_all(draft, sources)
    version = digest(
        spec.model_dump(mode="json"), html, text, draft.static_products, sorted(tiles), tiles_digest
    )
    campaign = replace(draft, version=version)
    return replace(campaign, static=_static(campaign)), checks


def _placed(fault: str, sources: Sources) -> str:
    """Return what is wrong with the file it begins with, that file named with its folder."""
    file = re.split("[ :]", fault, maxsplit=1)[0]
    places = {**sources.paths(), "email.txt": sources.folder / "email.txt"}
    where = places.get(file, sources.folder / file)
    return f"{where}{fault.removeprefix(file)}"


def branches(campaign: CompiledCampaign) -> Iterator[tuple[str, Decision]]:
    """Give every way the e-mail can turn out, with products that try the templates."""
    variables = {name: campaign.spec.defaults[name] for name in campaign.facts}
    said = dict.fromkeys(campaign.context_names, _HOSTILE)
    hostile = {
        name: _HOSTILE if isinstance(value, str) else value for name, value in variables.items()
    }
    kinds: tuple[tuple[str, int, bool, Mapping[str, object]], ...] = (
        ("personal", 12, True, variables),
        ("one product only", 1, True, variables),
        ("no products at all", 0, True, variables),
        ("no consent to personalisation", 12, False, variables),
        (_HOSTILE_BRANCH, 12, True, hostile),
    )
    for kind, products, personal, facts in kinds:
        for number in range(max(len(slot.blocks) for slot in campaign.spec.slots)):
            slots = tuple(
                _choice(slot, number, products, hostile=facts is hostile)
                for slot in campaign.spec.slots
            )
            blocks = ", ".join(dict.fromkeys(choice.block for choice in slots))
            yield (
                f"{kind}; {blocks}",
                Decision(
                    campaign=campaign.name,
                    version=campaign.version,
                    personal=personal,
                    rung="snapshot" if personal else "popular",
                    facts=facts,
                    context=said if facts is hostile else {},
                    slots=slots,
                ),
            )


def _name(branch: str) -> str | None:
    return {"personal": "Ann", _HOSTILE_BRANCH: _HOSTILE}.get(branch.partition(";")[0])


def _choice(slot: Slot, number: int, products: int, *, hostile: bool) -> Choice:
    rule = slot.blocks[min(number, len(slot.blocks) - 1)]
    n = min(products, slot.products.n) if slot.products else 0
    return Choice(
        slot=slot.name,
        block=rule.block,
        reason=rule.reason,
        rung="snapshot",
        title=slot.products.title if slot.products else "",
        text=slot.products.fallback_text if slot.products and not n else "",
        products=tuple(_sample(place, hostile=hostile) for place in range(n)),
    )


def _sample(place: int, *, hostile: bool) -> Shown:
    return Shown(
        product_id=_HOSTILE if hostile else f"sample-{place}",
        name=_HOSTILE if hostile else f"Sample product {place}",
        price_minor=None if hostile else 269 + place,
        currency="" if hostile else "USD",
        url=_HOSTILE_URL if hostile else None,
        image_url=_HOSTILE_URL if hostile else None,
        category=_HOSTILE if hostile else "GROCERY/SAMPLE",
        source="sample",
        score=0.0,
        reason=_HOSTILE if hostile else "you bought this 3 times",
        rung="snapshot",
    )


def _try_all(campaign: CompiledCampaign, sources: Sources) -> list[Check]:
    rules = tuple(name for name in campaign.templates() if name.endswith(".when"))
    variables = {**campaign.spec.defaults, CONTEXT: campaign.context({})}
    tries = [Branch("its variables have their defaults", rules, variables)]
    files, paths = dict(campaign.templates()), sources.paths()
    for name in sources.frames():
        files[name] = without_slots(sources.files()[name])
    decided = list(branches(campaign))
    for branch, decision in decided:
        own = list(sources.frames())
        for choice in decision.slots:  # a file on its own first: it knows its line
            for file in (name for name in sources.block_files(choice.block)):
                own.append(f"{choice.slot}.{file}")
                paths[own[-1]] = paths[file]
                body = sources.files()[file]
                files[own[-1]] = f"{{% with slot = slots.{choice.slot} %}}{body}{{% endwith %}}"
        context = template_context(campaign, decision, replace(_CONTEXT, first_name=_name(branch)))
        tries.append(Branch(branch, (SUBJECT, PREHEADER, *own, HTML, TEXT), context))
    outputs = try_out(files, tries, folder=sources.folder, paths=paths)[1:]
    return [
        # A subject is cut before it is sent, so two long names in it are no mistake.
        _checked(
            Rendered(name, str(plain(output[SUBJECT])), output[HTML], output[TEXT]), sources.folder
        )
        for (name, _), output in zip(decided, outputs, strict=True)
    ]


def _checked(email: Rendered, folder: Path) -> Check:
    hostile = email.branch.startswith(_HOSTILE_BRANCH)  # its names are longer than any real one
    max_subject = MAX_FIELD if hostile else MAX_SUBJECT
    found = problems(email, unsubscribe_url=STATIC_UNSUBSCRIBE_URL, max_subject=max_subject)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ConfigError(f"{folder} (when {email.branch}): {found[0]}{more}.")
    return Check(email.branch, len(email.html.encode()), len(email.text.encode()), email.subject)


def _static(campaign: CompiledCampaign) -> StaticEmail:
    """Render the e-mail for somebody nothing is known of, with nothing but static products."""
    nobody = Person(customer_id="", personal=False)
    decision = decide(campaign, nobody, candidates=Candidates(products={}))
    decision = replace(decision, personal=True)  # it may go to anybody: say nothing of consent
    content = render(campaign, decision, _CONTEXT)
    if content.failure:
        raise ConfigError(f"{campaign.name}: the static e-mail fails: {content.failure}.")
    return StaticEmail(
        subject=content.subject,
        preheader=content.preheader,
        html=content.html,
        text=content.text,
        blocks=[StaticBlock(slot=b.slot, block=b.block, html=b.html) for b in content.blocks],
    )
