"""Twelve e-mails side by side, each with the reason for every product: a page to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import quote

from campaigns.audience import audience
from campaigns.client import Client, Rendered, open_client
from campaigns.message import move_pictures
from content.campaign import CompiledCampaign, campaign_folder, load_compiled
from core.errors import NotEnoughDataError
from core.files import new_folder
from core.ids import digest
from core.settings import Settings
from models.registered import ORDER, P_ORDER
from pipelines.learnable import consenting
from pipelines.outcome import Outcome, progress_bar
from pipelines.page import filled
from pipelines.send_campaign import default_send_id
from privacy.consent import PERSONALISATION
from profiles.profile import POPULAR
from serving.messages import Slot

SHOWN: Final = 12
LOOKED_AT: Final = 300  # customers, spread over the audience, among whom to choose
LOOKED_AT_PLAIN: Final = 20  # of those who did not agree to personalisation
BATCH: Final = 100  # recipients a request
LISTED: Final = 100  # products asked for per list, to find the reason of each one shown
_COMMON: Final = ("popularity", "static")  # sources of what fills up a list
_SUFFIX: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class Look:
    """One customer's e-mail, and what is known about the customer."""

    mail: Rendered
    prediction: Mapping[str, Any]
    personal: bool
    products: list[Mapping[str, Any]] = field(default_factory=list)  # as shown, top to bottom

    @property
    def cluster(self) -> str:
        """The customer's cluster, "" where there is none."""
        return str(self.prediction["outputs"].get("cluster") or "")

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of the e-mail, slot by slot."""
        return tuple(block.block for block in self.mail.blocks)


def write_gallery(
    settings: Settings, campaign: str, *, as_of: datetime, send_id: str = ""
) -> Outcome:
    """Write `emails/index.html`: e-mails of a send that differ, as the running service makes them.

    The page works from disk: e-mails and pictures lie beside it.

    Args:
        settings: Where the workspace and the service are.
        campaign: A published campaign.
        as_of: Whose consent counts; names the send, too, where `send_id` is empty.
        send_id: The send whose e-mails are shown; asking for one nobody sent decides it.

    Raises:
        NotEnoughDataError: Nobody may be mailed.
        NotReadyError: The campaign is not published, or nothing has been imported.
        UnavailableError: The service does not answer.
    """
    send_id = send_id or default_send_id(campaign, as_of)
    compiled = load_compiled(campaign_folder(settings.home, campaign))
    candidates = _candidates(settings, as_of)
    with (
        open_client(settings, as_of=as_of) as service,
        progress_bar("choosing e-mails", len(candidates)) as advance,
    ):
        service.check()
        looks: list[Look] = []
        for batch in _batches(list(candidates)):
            looks += _look(service, campaign, send_id, batch, candidates)
            advance(len(batch))
        chosen = _explained(service, compiled, _differing(looks))
        with new_folder(settings.home / "emails") as aside:
            _write(aside, chosen, compiled, send_id, service)
    page = settings.home / "emails" / "index.html"
    return Outcome(
        title=f"{len(chosen)} e-mails of {send_id}",
        columns=("customer", "cluster", "blocks", "rung"),
        rows=[
            (look.mail.customer_id, look.cluster, ", ".join(look.blocks), look.mail.rung)
            for look in chosen
        ],
        data={"page": str(page), "emails": len(chosen), "send_id": send_id},
        notes=[f"Open {page}"],
    )


def _candidates(settings: Settings, as_of: datetime) -> dict[str, bool]:
    """Return customers to choose from, evenly spread, and whether each may be personalised."""
    ids = [each.customer_id for each in audience(settings.home, as_of=as_of)]
    if not ids:
        raise NotEnoughDataError(
            f"nobody in {settings.home} has an e-mail address and consent to email_marketing "
            f"on {as_of:%Y-%m-%d}: there is no e-mail to show."
        )
    personal = consenting(settings, ids, PERSONALISATION, as_of=as_of)
    spread = ids[:: max(1, len(ids) // LOOKED_AT)][:LOOKED_AT]
    plain = [each for each in ids if each not in personal][:LOOKED_AT_PLAIN]
    return {each: each in personal for each in dict.fromkeys([*spread, *plain])}


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _recipients(ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"customer_id": each} for each in ids]


def _look(
    service: Client, campaign: str, send_id: str, ids: Sequence[str], personal: Mapping[str, bool]
) -> Iterator[Look]:
    mails = service.render(campaign, send_id, ids)
    predictions = service.ask("/v1/predict", {"recipients": _recipients(ids)})
    for mail, prediction in zip(mails, predictions, strict=True):
        if mail.send:
            yield Look(mail, prediction, personal[mail.customer_id])


def _differing(looks: Sequence[Look]) -> list[Look]:
    """Return those that show most: every cluster, every block, one without personalisation."""
    left, chosen = list(looks), list[Look]()
    seen: set[object] = set()

    def news(look: Look) -> tuple[int, ...]:
        blocks = [block for block in look.blocks if block not in seen]
        mixed = (look.cluster, look.blocks)
        return (
            int(("personal", look.personal) not in seen),
            int(look.cluster not in seen) + len(blocks),
            int(mixed not in seen),
            int(look.mail.rung not in seen),
        )

    while left and len(chosen) < SHOWN:
        best = max(left, key=news)  # the first of equals
        left.remove(best)
        chosen.append(best)
        seen |= {("personal", best.personal), best.cluster, best.mail.rung, *best.blocks}
        seen.add((best.cluster, best.blocks))
    return sorted(chosen, key=lambda look: not look.personal)


def _explained(service: Client, campaign: CompiledCampaign, looks: Sequence[Look]) -> list[Look]:
    """Find the products that stand in each e-mail, with the reasons the service gives for them."""
    ids = [look.mail.customer_id for look in looks]
    named = {POPULAR, *(slot.products.list for slot in campaign.spec.slots if slot.products)}
    lists = [
        service.ask("/v1/recommend", {"recipients": _recipients(ids), "slot": slot, "n": LISTED})
        for slot in get_args(Slot)
        if slot in named
    ]
    return [
        Look(look.mail, look.prediction, look.personal, _standing(look.mail, campaign, answers))
        for look, *answers in zip(looks, *lists, strict=True)
    ]


def _standing(
    mail: Rendered, campaign: CompiledCampaign, answers: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    html, found = mail.html or "", dict[int, Mapping[str, Any]]()
    for answer in answers:
        for product in answer["products"]:
            page = campaign.spec.shop.product_url.replace(
                "{product_id}", quote(product["product_id"], safe="")
            )
            at = html.find(f'href="{escape(product["url"] or page)}"')
            # One list may be filled up with what is the heart of another.
            if at >= 0 and (at not in found or found[at]["source"] in _COMMON):
                found[at] = product
    return [found[at] for at in sorted(found)]


def _write(
    folder: Path, looks: Sequence[Look], campaign: CompiledCampaign, send_id: str, service: Client
) -> None:
    (folder / "pictures").mkdir()

    def place(address: str) -> str | None:
        picture = service.picture(address)
        if picture is None or picture.content_type not in _SUFFIX:
            return None
        name = f"pictures/{digest(address)}.{_SUFFIX[picture.content_type]}"
        (folder / name).write_bytes(picture.content)
        return name

    cards = []
    for number, look in enumerate(looks, start=1):
        mail = move_pictures(look.mail.html or "", place)
        (folder / f"{number:02d}.html").write_text(mail, encoding="utf-8")
        cards.append(_card(number, look, mail, campaign))
    marks = {
        "campaign": escape(campaign.name),
        "send_id": escape(send_id),
        "count": str(len(looks)),
        "clusters": str(len({look.cluster for look in looks} - {""})),
        "cards": "\n".join(cards),
    }
    page = filled("gallery.html", marks)
    (folder / "index.html").write_text(page, encoding="utf-8")


def _card(number: int, look: Look, html: str, campaign: CompiledCampaign) -> str:
    # The e-mail stands in the page, too: a page opened from disk may not measure other files.
    mail, sender = look.mail, escape(campaign.spec.sender.name)
    products = "".join(_product(product) for product in look.products)
    blocks = "".join(
        f"<li><b>{escape(block.block.replace('_', ' '))}</b> {escape(block.reason)}"
        f'<i class="rung {escape(block.rung)}">{escape(block.rung)}</i></li>'
        for block in mail.blocks
    )
    return f"""<article>
<header><h2>Customer {escape(mail.customer_id)}</h2>{_about(look)}</header>
<div class="inbox"><span class="face">{sender[:1]}</span><p><b>{sender}</b><br>
<span class="subject">{escape(mail.subject or "")}</span>
<span class="preheader">{escape(mail.preheader or "")}</span></p></div>
<div class="frame"><iframe src="{number:02d}.html" sandbox="allow-same-origin"
 title="E-mail to customer {escape(mail.customer_id)}" srcdoc="{escape(html)}"></iframe></div>
<details open><summary>Why these products</summary><ul class="products">{products}</ul></details>
<details><summary>Why these blocks</summary><ul class="blocks">{blocks}</ul></details>
<a href="{number:02d}.html">Open the e-mail by itself</a>
</article>"""


def _about(look: Look) -> str:
    if not look.personal:
        return '<p class="chips"><span class="chip plain">no consent to personalisation</span></p>'
    outputs, reasons = look.prediction["outputs"], look.prediction["reasons"]
    chips = f'<span class="chip">{escape(look.cluster or "no cluster")}</span>'
    chance = outputs.get(P_ORDER)
    if chance is not None:
        why = escape(str(reasons.get(P_ORDER, "")))
        chips += (
            f'<span class="chance" title="{why}"><meter min="0" max="1" value="{chance:.3f}">'
            f"</meter> {_percent(chance)} to order within {ORDER.days} days</span>"
        )
    return f'<p class="chips">{chips}</p>'


def _percent(chance: float) -> str:
    """Return a chance in words that never claim certainty."""
    return "over 99%" if chance > 0.99 else "under 1%" if chance < 0.01 else f"{chance:.0%}"


def _product(product: Mapping[str, Any]) -> str:
    return (
        f"<li><b>{escape(product['name'])}</b> {escape(product['reason'])}"
        f"<i>{escape(product['source'])}</i></li>"
    )
