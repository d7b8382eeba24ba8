"""Look at a campaign before anybody gets it: every branch, on a desktop and on a phone."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from content.campaign import CompiledCampaign
from content.decide import decide
from content.decision import Choice, Decision, Person
from content.render import Content, Context, render, static_content
from core.files import new_folder
from core.settings import Settings
from pipelines.outcome import Outcome
from pipelines.page import filled
from pipelines.preview_shop import Shop, preview_shop
from pipelines.publish_campaign import (
    Prepared,
    on_published,
    prepare,
)
from pipelines.run_service import FRESH_DAYS

_CONTEXT: Final = Context(
    public_url=".", unsubscribe_url="https://shop.example.test/unsubscribe/preview"
)


@dataclass(frozen=True)
class View:
    """One e-mail on the preview page."""

    title: str
    content: Content
    choices: Sequence[Choice]


def preview_campaign(
    settings: Settings, name: str, *, as_of: datetime, customers: Sequence[str] = ()
) -> Outcome:
    """Write `previews/NAME/index.html`, rendered from `conf`, published or not.

    Args:
        settings: The workspace and where campaigns are written.
        name: The campaign.
        as_of: Best sellers are those of the month up to the last sale before it.
        customers: Customers to show. Empty: one for each block a rule can choose.

    Raises:
        ConfigError: The campaign is unknown or not as it should be.
        DataError: A customer is not in the snapshot.
        NotReadyError: Nothing is imported yet, or `customers` need a snapshot and there is none.
    """
    ready = prepare(settings, name, as_of=as_of)
    shop = preview_shop(settings.home, ready.campaign, as_of, customers)
    views = list(_views(ready.campaign, shop, named=bool(customers)))
    folder = settings.home / "previews" / name
    notes = [
        on_published(ready.campaign, settings.home),
        f"Products and people from {shop.source}.",
        *_other_time(shop, as_of),
    ]
    with new_folder(folder) as aside:
        _write(aside, ready, views, " ".join(notes))
    page = folder / "index.html"
    return Outcome(
        title=f"Preview of {name}, version {ready.campaign.version}",
        columns=("e-mail", "subject", "rung", "blocks"),
        rows=[
            (
                v.title,
                v.content.subject,
                v.content.rung,
                ", ".join(b.block for b in v.content.blocks),
            )
            for v in views
        ],
        notes=(*notes, f"Open {page}"),
        data={
            "campaign": name,
            "version": ready.campaign.version,
            "page": str(page),
            "emails": len(views),
            "source": shop.source,
        },
    )


def _write(folder: Path, ready: Prepared, views: Sequence[View], source: str) -> None:
    tiles = folder / "assets" / ready.campaign.name / "tiles"
    tiles.mkdir(parents=True)
    for file, picture in ready.tiles.items():
        (tiles / file).write_bytes(picture)
    for number, view in enumerate(views):
        (folder / f"{number}.html").write_text(view.content.html, encoding="utf-8")
        (folder / f"{number}.txt").write_text(view.content.text, encoding="utf-8")
    (folder / "index.html").write_text(_page(ready.campaign, views, source), encoding="utf-8")


def _other_time(shop: Shop, as_of: datetime) -> list[str]:
    """Say so where the people shown are not those of the instant asked for."""
    if shop.as_of is None or abs(as_of - shop.as_of) <= timedelta(days=FRESH_DAYS):
        return []
    then = f"The snapshot is of {shop.as_of:%Y-%m-%d}, not of {as_of:%Y-%m-%d}"
    return [f"{then}: people and their products are as they were. `sendwise score` makes another."]


def _views(campaign: CompiledCampaign, shop: Shop, *, named: bool) -> Iterator[View]:
    def view(title: str, decision: Decision, person: Person) -> View:
        context = replace(_CONTEXT, first_name=person.first_name)
        return View(title, render(campaign, decision, context), decision.slots)

    decided = [(p, decide(campaign, p, candidates=offered)) for p, offered in shop.people]
    for person, decision in decided:
        yield view(f"Customer {person.customer_id}", decision, person)
    if named:
        return
    person, decision = decided[0]
    seen = {choice.block for _, each in decided for choice in each.slots}
    for slot in campaign.spec.slots:
        for rule in slot.blocks:
            if rule.block not in seen:
                seen.add(rule.block)
                yield view(f"Block {rule.block}", _forced(decision, slot.name, rule.block), person)
    for title, other in (
        ("No consent to personalisation", replace(person, personal=False)),
        ("Unknown customer", Person(customer_id="unknown")),
    ):
        yield view(title, decide(campaign, other, candidates=shop.anybody), other)
    yield View("Static: everything else failed", static_content(campaign, _CONTEXT), ())


def _forced(decision: Decision, slot: str, block: str) -> Decision:
    """Return a decision with another block in a slot, to look at it."""
    slots = [
        replace(choice, block=block, reason="shown here so that it can be looked at")
        if choice.slot == slot
        else choice
        for choice in decision.slots
    ]
    return replace(decision, slots=tuple(slots))


def _page(campaign: CompiledCampaign, views: Sequence[View], source: str) -> str:
    emails = "\n".join(_section(number, view) for number, view in enumerate(views))
    marks = {
        "title": html.escape(f"{campaign.name}, version {campaign.version}"),
        "source": html.escape(source),
        "emails": emails,
    }
    return filled("preview.html", marks)


def _section(number: int, view: View) -> str:
    reasons = "".join(
        f"<li><b>{html.escape(c.slot)}</b>: {html.escape(c.block)} <i>{c.rung}</i>, "
        f"{html.escape(c.reason)}<ul>{''.join(_product(c))}</ul></li>"
        for c in view.choices
    )
    failure = (
        f"<p class=failure>{html.escape(view.content.failure)}</p>" if view.content.failure else ""
    )
    # The e-mail stands in the page, too: a page opened from disk may not measure other files.
    frame = (
        f'src="{number}.html" sandbox="allow-same-origin" srcdoc="{html.escape(view.content.html)}"'
    )
    return f"""<section><header><h2>{html.escape(view.title)}</h2>
<p>Subject: {html.escape(view.content.subject)}<br>Rung: {view.content.rung}</p>{failure}
<ul>{reasons}</ul>
<p><a href="{number}.html">HTML</a> · <a href="{number}.txt">text part</a></p></header>
<div class="frame desktop"><iframe title="On a desktop" {frame}></iframe></div>
<div class="frame phone"><iframe title="On a phone" {frame}></iframe></div></section>"""


def _product(choice: Choice) -> Iterator[str]:
    for shown in choice.products:
        yield (
            f"<li>{html.escape(shown.name)} <i>{shown.rung}</i>: "
            f"{html.escape(shown.reason)} ({html.escape(shown.source)})</li>"
        )
