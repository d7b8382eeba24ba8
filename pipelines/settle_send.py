"""Settle what a send left unknown: an operator looked, and says whether the e-mails left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from campaigns.claims import Claim, Claims, State, Verdict
from core.clock import to_us
from core.errors import DataError, NotReadyError
from core.settings import Settings
from pipelines.outcome import Outcome
from pipelines.send_campaign import described

BY_HAND = "settled by hand"


def settle_send(
    settings: Settings,
    *,
    campaign: str,
    send_id: str,
    as_of: datetime,
    verdict: Verdict | None = None,
    customers: Sequence[str] = (),
) -> Outcome:
    """List the recipients of a send whose outcome is unknown, or settle them.

    Args:
        settings: Where the workspace is.
        campaign: The campaign that was sent.
        send_id: The send.
        as_of: The instant that changes are booked at.
        verdict: None: only list them.
        customers: Those to settle. Empty: all that are unknown.

    Raises:
        ConfigError: The send is running.
        DataError: There is no such send, or a customer's outcome in it is not unknown.
        NotReadyError: Nothing has been imported, so nothing was sent.
    """
    if not (settings.home / "events.db").is_file():
        raise NotReadyError(f"no send in {settings.home}: nothing has been imported yet.")
    with Claims(settings.home, campaign, send_id, ts_us=to_us(as_of)) as claims:
        if not claims.states():
            raise DataError(f"campaign {campaign!r} has no send {send_id!r}. Check --send-id.")
        chosen = _chosen(claims.listed(State.UNKNOWN), customers)
        if verdict:
            claims.book([_settled(each, verdict) for each in chosen])
        left = claims.listed(State.UNKNOWN)
    return _outcome(campaign, send_id, chosen, left, verdict)


def _chosen(unknown: Sequence[Claim], customers: Sequence[str]) -> list[Claim]:
    known = {claim.customer_id: claim for claim in unknown}
    if other := [each for each in customers if each not in known]:
        raise DataError(f"customer {other[0]!r} has no unknown outcome in this send.")
    return [known[each] for each in dict.fromkeys(customers)] if customers else list(unknown)


def _settled(claim: Claim, verdict: Verdict) -> Claim:
    if verdict is Verdict.SENT:
        return replace(claim, state=State.SENT, why=BY_HAND)
    return replace(claim, state=State.CLAIMED, why=BY_HAND)


def _outcome(
    campaign: str,
    send_id: str,
    chosen: Sequence[Claim],
    left: Sequence[Claim],
    verdict: Verdict | None,
) -> Outcome:
    settled = chosen if verdict else ()
    notes = []
    if verdict is Verdict.AGAIN and chosen:
        notes = [f"Run the send again to mail them: --send-id {send_id}."]
    elif not verdict and chosen:
        notes = ["Look for each Message-ID where the e-mails went. Then: --as sent, or --as again."]
    found = f"{len(settled):,} settled as {verdict}, " if verdict else ""
    return Outcome(
        title=f"Send {send_id} of {campaign}: {found}{len(left):,} unknown",
        columns=("customer", "message id", "why"),
        rows=[(each.customer_id, each.message_id, each.why) for each in chosen],
        data={
            "campaign": campaign,
            "send_id": send_id,
            "verdict": verdict,
            "settled": described(settled),
            "unknown": described(left),
        },
        notes=notes,
        status="unchanged" if verdict and not chosen else "done",
    )
