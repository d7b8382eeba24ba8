"""Finished content for recipients: decided once per send, rendered on every call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import orjson

from content.campaign import CompiledCampaign
from content.decide import decide
from content.decision import Candidates, Decision, Person
from content.render import Context, render
from content.restock import restock
from content.terms import ProductFilter
from core.clock import to_us
from core.ids import pseudonym
from ingest.log import Customer
from privacy.consent import EMAIL_MARKETING, PERSONALISATION
from profiles.decisions import LoggedDecision, render_decision_id
from profiles.snapshot import Pick, Profile
from serving.brain import Brain
from serving.messages import Recipient, RenderRequest
from serving.slots import best_sellers, common_list, kin_lists
from serving.unsubscribe import Link, headers

log = logging.getLogger("bentoml.sendwise")

NO_MARKETING = "no consent to email_marketing"

_FURTHER: Final = 60  # best sellers looked through for a slot with a filter of its own


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
        self._rules = [(slot.name, slot.products) for slot in campaign.spec.slots if slot.products]
        self._send_id = send_id
        self._now_us = to_us(now)
        self._readers = readers
        self._mailable = brain.consents.granted_many([*readers], EMAIL_MARKETING, now)
        self._personal = brain.consents.granted_many([*readers], PERSONALISATION, now)
        mailable = [each for each in readers if each in self._mailable]
        personal = [each for each in mailable if each in self._personal]
        found = brain.decisions.find(campaign.name, send_id, mailable)
        self._kept = {key: (each, read) for key, each in found.items() if (read := _read(each))}
        self._profiles = {
            each.customer_id: self._with_kin(each) for each in brain.profiles(personal).values()
        }
        self._age_days = brain.data_age_days()
        self._customers = brain.events.customers(personal)
        self._popular = brain.snapshot.popular() if brain.snapshot else []
        self._common = self._lists_for_everybody()
        self._rest = self._best_sellers_by_slot()
        self._products = brain.catalogue.products(self._candidate_ids())
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
            bought=self._bought(profile),
            context=self._readers[customer_id].context,
            personal=personal,
        )
        return decide(self._campaign, person, candidates=self._candidates(profile))

    def _restocked(self, customer_id: str, decision: Decision) -> Decision:
        profile = self._profiles.get(customer_id)  # only of who agreed to personalisation
        return restock(
            self._campaign,
            decision,
            self._candidates(None),
            lists=profile.lists if profile else {},
            bought=self._bought(profile),
        )

    def _bought(self, profile: Profile | None) -> dict[str, float]:
        bought = profile.bought if profile else {}
        return {product_id: days + self._age_days for product_id, days in bought.items()}

    def _with_kin(self, profile: Profile) -> Profile:
        """Add the lists that follow from what was bought last, where the campaign names them."""
        if self._brain.snapshot is None:
            return profile
        named = {rule.list for _, rule in self._rules}
        products = self._brain.snapshot.products
        kin = kin_lists(self._brain.catalogue, products, profile, named)
        return replace(profile, lists={**profile.lists, **kin}) if kin else profile

    def _lists_for_everybody(self) -> dict[str, Sequence[Pick]]:
        snapshot = self._brain.snapshot
        if snapshot is None:
            return {}
        named = dict.fromkeys(rule.list for _, rule in self._rules)
        return {name: common_list(self._brain.catalogue, snapshot, name) for name in named}

    def _best_sellers_by_slot(self) -> dict[str, Sequence[Pick]]:
        """Return what a slot goes on with whose filter may leave little of what is popular."""
        products = self._brain.snapshot.products if self._brain.snapshot else None
        return {
            name: list(islice(best_sellers(products, rule.filter), _FURTHER))
            for name, rule in self._rules
            if rule.filter != ProductFilter() or rule.max_per_category
        }

    def _candidates(self, profile: Profile | None) -> Candidates:
        return Candidates(
            products=self._products,
            popular=self._popular,
            segment=self._segment(profile),
            common=self._common,
            rest=self._rest,
        )

    def _segment(self, profile: Profile | None) -> Sequence[Pick]:
        cluster = profile.outputs.get("cluster") if profile else None
        if cluster is None or self._brain.snapshot is None:
            return ()
        return self._brain.snapshot.popular(str(cluster))

    def _candidate_ids(self) -> set[str]:
        """Return every product that may be shown to anybody of the batch."""
        ids = {pick.product_id for pick in self._popular}
        for picks in (*self._common.values(), *self._rest.values()):
            ids.update(pick.product_id for pick in picks)
        ids.update(each.product_id for _, rule in self._rules for each in rule.promote)
        ids.update(product["product_id"] for product in self._campaign.static_products)
        for profile in self._profiles.values():
            ids.update(pick.product_id for picks in profile.lists.values() for pick in picks)
            ids.update(pick.product_id for pick in self._segment(profile))
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
