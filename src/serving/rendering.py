"""Finished content for recipients: decided once per send, rendered on every call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from content.campaign import CompiledCampaign
from content.decide import decide
from content.decision import Decision, Person
from content.render import Context, render
from content.restock import restock
from core.clock import to_us
from core.ids import pseudonym
from ingest.log import Customer
from privacy.consent import EMAIL_MARKETING, PERSONALISATION
from profiles.decisions import LoggedDecision, render_decision_id
from serving.brain import Brain
from serving.messages import Recipient, RenderRequest
from serving.offers import Offers
from serving.sessions import with_purchases
from serving.unsubscribe import Link, headers

log = logging.getLogger("bentoml.sendwise")

NO_MARKETING = "no consent to email_marketing"


def render_content(
    brain: Brain, request: RenderRequest, recipients: Sequence[Recipient]
) -> list[dict[str, Any]]:
    """Return the content for customers, or why nothing may be sent to them.

    The first decision per campaign, send and customer is kept. A repeated call renders it
    again; only consent and stock are looked at anew, and somebody who has withdrawn consent
    to personalisation meanwhile gets the content for everybody.

    Raises:
        Problem: The campaign is not published.
    """
    campaign = brain.campaign(request.campaign)
    send_id = request.send_id or brain.now().date().isoformat()
    # Of somebody who comes twice the first counts, as with decisions.
    readers = {each.customer_id: each for each in reversed(recipients)}
    batch = _Batch(brain, campaign, send_id, readers)
    results = [batch.result(each.customer_id) for each in recipients]
    brain.decisions.keep(batch.fresh.values())
    return results


class _Batch:
    """What is read once for all recipients of a call."""

    def __init__(
        self,
        brain: Brain,
        campaign: CompiledCampaign,
        send_id: str,
        readers: Mapping[str, Recipient],
    ) -> None:
        now = brain.now()
        self._brain = brain
        self._campaign = campaign
        self._offers = Offers(
            campaign,
            brain.catalogue,
            brain.snapshot,
            popular=brain.popular,
            age_days=brain.data_age_days(),
        )
        self._send_id = send_id
        self._now_us = to_us(now)
        self._readers = readers
        self._mailable = brain.consents.granted_many([*readers], EMAIL_MARKETING, now)
        self._personal = brain.consents.granted_many([*readers], PERSONALISATION, now)
        mailable = [each for each in readers if each in self._mailable]
        personal = [each for each in mailable if each in self._personal]
        found = brain.decisions.find(campaign.name, send_id, mailable)
        self._kept = {key: (each, read) for key, each in found.items() if (read := _read(each))}
        sessions, age_days = brain.sessions(personal), brain.data_age_days()
        self._profiles = {
            key: self._offers.with_kin(with_purchases(each, sessions.get(key), age_days=age_days))
            for key, each in brain.profiles(personal).items()
        }
        self._customers = brain.events.customers(personal)
        self._products = brain.catalogue.products(self._product_ids())
        self._versions = brain.model_versions()
        self._as_of = brain.data_as_of().isoformat()
        self.fresh: dict[str, LoggedDecision] = {}

    def result(self, customer_id: str) -> dict[str, Any]:
        """Return the answer for one recipient."""
        if customer_id not in self._mailable:
            return self._refusal(customer_id, NO_MARKETING)
        logged, decision = self._decision(customer_id)
        customer = self._customers.get(customer_id)
        url = self._brain.links.url(Link(customer_id, self._campaign.name, self._send_id))
        context = Context(
            public_url=self._brain.settings.mail_url,
            unsubscribe_url=url,
            first_name=_first_name(customer) if decision.personal else None,
        )
        content = render(self._campaign, decision, context)
        if content.failure:
            log.warning(
                "render.static campaign=%s customer=%s error=%s",
                self._campaign.name,
                pseudonym(customer_id),
                content.failure,
            )
        return {
            "customer_id": customer_id,
            "send": True,
            "why_not": None,
            "subject": content.subject,
            "preheader": content.preheader,
            "html": content.html,
            "text": content.text,
            "headers": headers(url),
            "blocks": [
                {"slot": each.slot, "block": each.block, "reason": each.reason, "rung": each.rung}
                for each in content.blocks
            ],
            "rung": content.rung,
            "decision_id": logged.decision_id,
            "model_versions": logged.body["model_versions"],
            "as_of": logged.body["as_of"],
        }

    def _refusal(self, customer_id: str, why: str) -> dict[str, Any]:
        return {
            "customer_id": customer_id,
            "send": False,
            "why_not": why,
            **dict.fromkeys(("subject", "preheader", "html", "text")),
            "headers": {},
            "blocks": [],
            "rung": None,
            "decision_id": None,
            "model_versions": self._versions,
            "as_of": self._as_of,
        }

    def _decision(self, customer_id: str) -> tuple[LoggedDecision, Decision]:
        """Return the kept decision as it can be shown now, else a new one."""
        personal = customer_id in self._personal
        if customer_id in self._kept:
            logged, decision = self._kept[customer_id]
            if personal or not decision.personal:
                return logged, self._restocked(customer_id, decision)
            return logged, self._decide(customer_id, personal=False)
        decision = self._decide(customer_id, personal=personal)
        logged = LoggedDecision(
            decision_id=render_decision_id(self._campaign.name, self._send_id, customer_id),
            kind="render",
            campaign_id=self._campaign.name,
            send_id=self._send_id,
            customer_id=customer_id,
            ts_us=self._now_us,
            body={
                "decision": orjson.loads(orjson.dumps(decision)),  # as it will be read back
                "model_versions": self._versions,
                "as_of": self._as_of,
                "consent": {EMAIL_MARKETING: True, PERSONALISATION: personal},
            },
        )
        self.fresh[customer_id] = logged
        self._kept[customer_id] = logged, decision
        return logged, decision

    def _decide(self, customer_id: str, *, personal: bool) -> Decision:
        profile = self._profiles.get(customer_id) if personal else None
        customer = self._customers.get(customer_id) if personal else None
        person = Person(
            customer_id=customer_id,
            first_name=_first_name(customer),
            traits=customer.traits if customer else {},
            outputs=profile.outputs if profile else {},
            lists=profile.lists if profile else {},
            bought=self._offers.bought(profile),
            context=self._readers[customer_id].context,
            personal=personal,
        )
        return decide(
            self._campaign, person, candidates=self._offers.candidates(profile, self._products)
        )

    def _restocked(self, customer_id: str, decision: Decision) -> Decision:
        profile = self._profiles.get(customer_id)  # only of who agreed to personalisation
        return restock(
            self._campaign,
            decision,
            self._offers.candidates(None, self._products),
            lists=profile.lists if profile else {},
            bought=self._offers.bought(profile),
        )

    def _product_ids(self) -> set[str]:
        """Return every product that may be shown to anybody of the batch."""
        ids = self._offers.product_ids(self._profiles.values())
        for _, decision in self._kept.values():
            ids.update(shown.product_id for slot in decision.slots for shown in slot.products)
        return ids


def _read(logged: LoggedDecision) -> Decision | None:
    """Return a kept decision; None if an earlier version of sendwise wrote it otherwise."""
    try:
        return Decision.from_dict(logged.body["decision"])  # type: ignore[arg-type]
    except (LookupError, TypeError, ValueError, AssertionError) as error:
        log.warning("decision.unreadable id=%s error=%r", logged.decision_id, error)
        return None


def _first_name(customer: Customer | None) -> str | None:
    if customer is None:
        return None
    name = customer.traits.get("first_name") or customer.traits.get("firstName")
    return str(name) if name else None
