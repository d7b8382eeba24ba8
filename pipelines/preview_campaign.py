"""Look at a campaign before anybody gets it: every branch, on a desktop and on a phone."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from content.campaign import CompiledCampaign, Product
from content.decide import decide
from content.decision import Candidates, Choice, Decision, Person
from content.render import Content, Context, render, static_content
from core.clock import DAY
from core.errors import DataError, NotReadyError
from core.files import new_folder
from core.settings import Settings
from ingest.lake import connect
from ingest.log import EventLog
from pipelines.outcome import Outcome
from pipelines.page import filled
from pipelines.publish_campaign import (
    PRODUCT_COLUMNS,
    Prepared,
    best_sellers,
    on_published,
    prepare,
    products_of,
)
from pipelines.run_service import FRESH_DAYS
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU, Pick, Profile
from profiles.snapshot import Snapshot, open_snapshot
from serving.catalogue import Catalogue
from serving.offers import Offers

_CONTEXT: Final = Context(
    public_url=".", unsubscribe_url="https://shop.example.test/unsubscribe/preview"
)
_LOOKED_AT: Final = 500  # customers of the snapshot among whom examples are looked for


@dataclass(frozen=True)
class View:
    """One e-mail on the preview page."""

    title: str
    content: Content
    choices: Sequence[Choice]


class Reader(NamedTuple):
    """Somebody, and what else may be shown to them."""

    person: Person
    candidates: Candidates


@dataclass(frozen=True)
class Shop:
    """Where examples come from: the snapshot when there is one, else best sellers."""

    people: list[Reader]
    anybody: Candidates  # what may be shown to somebody unknown
    source: str
    as_of: datetime | None = None  # of the snapshot


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
    shop = _shop(settings.home, ready.campaign, as_of, customers)
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


def _shop(
    home: Path, campaign: CompiledCampaign, as_of: datetime, customers: Sequence[str]
) -> Shop:
    try:
        snapshot = open_snapshot(home)
    except NotReadyError:
        if customers:
            raise
        return _sample_shop(home, campaign, as_of)
    with closing(snapshot):
        return _snapshot_shop(home, campaign, snapshot, as_of, customers)


def _sample_shop(home: Path, campaign: CompiledCampaign, as_of: datetime) -> Shop:
    """Without a snapshot: somebody who buys the best sellers, so that there is something to see."""
    with connect(home) as lake:
        products = best_sellers(lake, campaign.spec, as_of, 40)
    picks = [Pick(p["product_id"], 0.0, "sample", "a sample: no snapshot yet") for p in products]
    person = Person(
        customer_id="sample",
        first_name="Ann",
        outputs={"sample": True},
        lists={BUY_AGAIN: picks[:12], NEW_FOR_YOU: picks[12:24]},
    )
    popular = [
        pick._replace(source="popularity", reason="Popular this month") for pick in picks[24:]
    ]
    candidates = Candidates(products=_by_id(products), popular=popular)
    return Shop([Reader(person, candidates)], candidates, "the catalogue (no snapshot yet)")


def _snapshot_shop(
    home: Path,
    campaign: CompiledCampaign,
    snapshot: Snapshot,
    as_of: datetime,
    customers: Sequence[str],
) -> Shop:
    manifest = snapshot.manifest
    with closing(EventLog(home / "events.db")) as events, connect(home) as lake:
        catalogue = Catalogue(events)
        catalogue.look(snapshot.products)
        age_days = max(0.0, (as_of - manifest.as_of) / DAY)
        offers = Offers(campaign, catalogue, snapshot, age_days=age_days)
        profiles = [offers.with_kin(each) for each in _looked_at(snapshot, customers)]
        rows = lake.execute(
            f"SELECT {PRODUCT_COLUMNS} FROM catalogue WHERE product_id IN (SELECT unnest(?))",  # noqa: S608  # names are ours
            [sorted(offers.product_ids(profiles))],
        ).fetchall()
    products = _by_id(products_of(rows))
    people = [
        Reader(
            Person(
                customer_id=profile.customer_id,
                outputs=profile.outputs,
                lists=profile.lists,
                bought=offers.bought(profile),
            ),
            offers.candidates(profile, products),
        )
        for profile in profiles
    ]
    return Shop(
        people if customers else _one_per_choice(campaign, people),
        offers.candidates(None, products),
        f"snapshot {manifest.id}",
        manifest.as_of,
    )


def _looked_at(snapshot: Snapshot, customers: Sequence[str]) -> list[Profile]:
    """Return those asked for, else some among whom examples are looked for."""
    wanted = customers or [*islice(snapshot.customer_ids(), _LOOKED_AT)]
    found = snapshot.profiles(wanted)
    if unknown := [each for each in wanted if each not in found]:
        raise DataError(f"no customer {unknown[0]!r} in snapshot {snapshot.manifest.id}.")
    return [found[each] for each in wanted]


def _one_per_choice(campaign: CompiledCampaign, people: Sequence[Reader]) -> list[Reader]:
    """Return somebody for each combination of blocks that comes up, those with most to show."""
    nothing = Candidates(products={})
    found: dict[tuple[str, ...], Reader] = {}
    for each in sorted(people, key=lambda one: -sum(map(len, one.person.lists.values()))):
        decision = decide(campaign, each.person, candidates=nothing)
        found.setdefault(tuple(choice.block for choice in decision.slots), each)
    return list(found.values())


def _by_id(products: Sequence[Product]) -> dict[str, Product]:
    return {product["product_id"]: product for product in products}


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
