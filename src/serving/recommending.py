"""Products for customers: chosen from the ladder of a slot, each with its reason."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from content.choosing import PROMOTION, Candidate, Seen, choose
from core.clock import to_us
from privacy.consent import PERSONALISATION
from profiles.decisions import LoggedDecision
from profiles.profile import SIMILAR_TO
from serving.brain import Brain
from serving.messages import Recipient, RecommendRequest
from serving.sessions import Session, joined
from serving.slots import Shopper, anchors_for, ladder

_SHOWN: Final = ("product_id", "name", "price_minor", "currency", "url", "image_url")


def recommend(
    brain: Brain, request: RecommendRequest, recipients: Sequence[Recipient]
) -> list[dict[str, Any]]:
    """Choose products for customers; each choice is logged, though it be the same as before.

    Somebody who comes twice is answered twice, each time by what was said then.
    """
    now = brain.now()
    customer_ids = [each.customer_id for each in recipients]
    allowed = brain.consents.granted_many(customer_ids, PERSONALISATION, now)
    personal = [each for each in customer_ids if each in allowed]
    profiles, sessions = brain.profiles(personal), brain.sessions(personal)
    given = {"model_versions": brain.model_versions(), "as_of": brain.data_as_of().isoformat()}
    results = []
    for recipient in recipients:
        customer_id = recipient.customer_id
        shopper = Shopper()
        if customer_id in allowed:
            said = Session(recipient.viewed, recipient.cart, recipient.bought)
            session = joined(sessions.get(customer_id, Session()), said)
            shopper = Shopper(profile=profiles.get(customer_id), session=session)
        # To leave out what they have already is nothing personal.
        chosen = _chosen(brain, request, shopper, without=[*recipient.cart, *recipient.bought])
        rungs = [each.rung for each in chosen if each.pick.source != PROMOTION]
        results.append(
            {
                "customer_id": customer_id,
                "slot": request.slot,
                "products": [_product(each) for each in chosen],
                "rung": rungs[0] if rungs else "static",
                **given,
                "decision_id": uuid4().hex,
            }
        )
    brain.decisions.keep([_logged(each, allowed, ts_us=to_us(now)) for each in results])
    return results


def _chosen(
    brain: Brain, request: RecommendRequest, shopper: Shopper, *, without: Sequence[str]
) -> list[Candidate]:
    wanted = request.filter
    within_days = (wanted.not_bought_days or 0) - brain.data_age_days()
    barred = shopper.barred(request.slot, within_days=within_days)
    seen = Seen()
    if request.slot == SIMILAR_TO:  # nothing is like itself, nor is what reads the same
        anchors = [one.product_id for one in anchors_for(shopper, request.products)]
        barred.update(anchors)
        rows = brain.catalogue.products(anchors).values()
        seen.names.update(row["name"].casefold() for row in rows if row["name"])
    return choose(
        ladder(brain, request.slot, shopper, asked=request.products, wanted=wanted),
        request.n,
        request,
        seen,
        barred=barred.union(request.exclude, request.products, without),
        promoted=brain.catalogue.products(each.product_id for each in request.promote),
    )


def _logged(result: Mapping[str, Any], allowed: Container[str], *, ts_us: int) -> LoggedDecision:
    customer_id, decision_id = result["customer_id"], result["decision_id"]
    body = {key: result[key] for key in result if key not in ("customer_id", "decision_id")}
    return LoggedDecision(
        decision_id=decision_id,
        kind="recommend",
        customer_id=customer_id,
        body={**body, "consent": {PERSONALISATION: customer_id in allowed}},
        ts_us=ts_us,
    )


def _product(chosen: Candidate) -> dict[str, object]:
    product, pick = chosen.product, chosen.pick
    return {
        **{name: product[name] for name in _SHOWN},
        "score": round(pick.score, 4),
        "source": pick.source,
        "reason": pick.reason,
    }
