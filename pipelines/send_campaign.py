"""Send a campaign: everybody who agreed gets it once, whatever is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

from campaigns.audience import Recipient, audience
from campaigns.claims import Claim, Claims, State
from campaigns.client import open_client
from campaigns.message import Mailing, Sender, mailbox
from campaigns.send import Sending
from campaigns.transports import SMTP, open_transport
from content.campaign import campaign_folder, load_compiled
from content.spec import CampaignSpec
from core.clock import to_us
from core.errors import ConfigError, DataError, NotReadyError
from core.settings import Settings
from pipelines.outcome import Outcome, console, progress_bar
from pipelines.publish_campaign import on_reserved_name, source_folder

_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
LISTED = 20  # customers shown by name of those with an unknown outcome; --json has all


def send_campaign(
    settings: Settings,
    *,
    campaign: str,
    transport: str,
    as_of: datetime,
    send_id: str = "",
    limit: int | None = None,
) -> Outcome:
    """Ask the running service for everybody of the audience, and hand the e-mails over.

    Args:
        settings: Where the workspace, the service and the SMTP server are.
        campaign: A published campaign.
        transport: `outbox` or `smtp`.
        as_of: Consent is that of this instant, and the e-mails carry it as their date.
        send_id: Names the send; the same one again goes on with it. Empty: campaign and date.
        limit: At most so many recipients, the first by customer id.

    Raises:
        SendwiseError: What is missing, or what stopped; what was sent stays booked.
        KeyboardInterrupt: Somebody asked to stop; everything is booked.
    """
    send_id = send_id or default_send_id(campaign, as_of)
    claims = Claims(settings.home, campaign, send_id, ts_us=to_us(as_of))
    spec = _published(settings, campaign)
    sender = _sender(spec)
    if transport == SMTP:  # notes: a server of one's own tests is a real use
        for note in (*on_reserved_name(spec), *_on_unreachable(settings)):
            console.print(note, soft_wrap=True)
    everybody = audience(settings.home, as_of=as_of, limit=limit)
    with (
        open_transport(transport, settings, campaign=campaign, send_id=send_id) as opened,
        open_client(settings, as_of=as_of) as service,
        progress_bar("sending", limit) as advance,
        _stop_requests() as stop,
    ):
        service.check()
        mailing = Mailing(campaign, send_id, sender, as_of, service.picture)
        with claims:
            run = Sending(mailing, service, opened, claims, stop=stop, progress=advance)
            is_new = _send(run, everybody)
            return _outcome(claims, run, opened.where, is_new=is_new)


def _send(run: Sending, everybody: Iterator[Recipient]) -> bool:
    """Mail who is not settled yet; return whether there was anything to do or nothing before.

    Raises:
        KeyboardInterrupt: Somebody asked to stop; one line says how to go on.
    """
    before = run.claims.states()
    waiting = (
        each for each in everybody if before.get(each.customer_id, State.CLAIMED) is State.CLAIMED
    )
    first = next(waiting, None)
    try:
        if first is not None:
            run.run(chain([first], waiting))
    except KeyboardInterrupt:
        _say_stopped(run)
        raise
    if run.stop():
        _say_stopped(run)
        raise KeyboardInterrupt
    return first is not None or not before


def _say_stopped(run: Sending) -> None:
    console.print(
        f"Stopped: {run.done[State.SENT]:,} sent now. Run the same command with --send-id "
        f"{run.mailing.send_id} to go on; nobody gets it twice.",
        soft_wrap=True,
    )


def default_send_id(campaign: str, as_of: datetime) -> str:
    """Return the name of a send that was given none."""
    return f"{campaign}-{as_of:%Y-%m-%d}"


def _published(settings: Settings, campaign: str) -> CampaignSpec:
    try:
        return load_compiled(campaign_folder(settings.home, campaign)).spec
    except NotReadyError:
        source_folder(settings.conf, campaign)  # one that was never written has no use for publish
        raise


def _on_unreachable(settings: Settings) -> list[str]:
    """Say so where readers cannot follow the links, the one to unsubscribe among them."""
    url = urlsplit(settings.mail_url)
    is_here = url.hostname in _HERE
    if url.scheme == "https" and not is_here:
        return []
    why = "which no reader can reach" if is_here else "which is not https"
    where = f"Pictures and unsubscribe links of these e-mails lead to {settings.mail_url}, {why}"
    return [f"{where}: set SENDWISE_PUBLIC_URL to the service's https address before mailing."]


def _sender(spec: CampaignSpec) -> Sender:
    for address in filter(None, (spec.sender.address, spec.reply_to)):
        try:
            mailbox(address)
        except DataError as error:
            raise ConfigError(f"campaign {spec.name!r}, address {address!r}: {error}.") from None
    return Sender(spec.sender.name, spec.sender.address, spec.reply_to)


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question to ask between two e-mails; a second one is hard."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # signals go to the main thread, which is not ours
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, kept[signal.Signals(number)])

    for number in kept:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _outcome(claims: Claims, run: Sending, where: str, *, is_new: bool) -> Outcome:
    campaign, send_id = run.mailing.campaign, run.mailing.send_id
    counts = claims.counts()
    totals = {state: sum(n for (of, _), n in counts.items() if of is state) for state in State}
    unknown = claims.listed(State.UNKNOWN)
    notes = [f"E-mails: {where}"]
    if not counts:
        notes = ["Nobody has an e-mail address and consent to email_marketing at this instant."]
    if totals[State.CLAIMED]:
        notes.append(f"{totals[State.CLAIMED]:,} were put off: run the same command again later.")
    if unknown:
        notes.append(_on_unknown(unknown, f"{campaign} --send-id {send_id}"))
    return Outcome(
        title=f"Send {send_id} of {campaign}: {totals[State.SENT]:,} sent",
        columns=("state", "reason", "customers"),
        rows=[
            ("put off" if of is State.CLAIMED else of, why, n) for (of, why), n in counts.items()
        ],
        data={
            "campaign": campaign,
            "send_id": send_id,
            "where": where,
            "sent": totals[State.SENT],
            "sent_now": run.done[State.SENT],
            "skipped": _by_reason(counts, State.SKIPPED),
            "refused": _by_reason(counts, State.REFUSED),
            "put_off": totals[State.CLAIMED],
            "unknown": described(unknown),
        },
        notes=notes,
        status="done" if is_new else "unchanged",
    )


def _on_unknown(unknown: Sequence[Claim], send: str) -> str:
    named = ", ".join(claim.customer_id for claim in unknown[:LISTED])
    rest = len(unknown) - LISTED
    more = f" and {rest:,} more (--json lists all)" if rest > 0 else ""
    return (
        f"{len(unknown):,} may or may not have got it and are not tried again: {named}{more}. "
        f"List their Message-IDs with `sendwise settle {send}`, look for them where the e-mails "
        "went, then settle them with --as sent or --as again."
    )


def described(claims: Sequence[Claim]) -> list[dict[str, str | None]]:
    """Return recipients as they stand in the machine-readable result."""
    return [
        {"customer_id": each.customer_id, "message_id": each.message_id, "why": each.why}
        for each in claims
    ]


def _by_reason(counts: dict[tuple[State, str], int], state: State) -> dict[str, int]:
    return {why: number for (of, why), number in counts.items() if of is state}
