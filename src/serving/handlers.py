"""The answers: one function per question, shared by every surface that asks.

Handlers take checked requests and a brain and give plain dictionaries; they know nothing of
HTTP. Consent is read on every call. `answer` splits large batches, so that one caller's
thousand recipients do not hold up everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from content.campaign import Product
from content.decision import NO_CONSENT, NOT_KNOWN, Rung
from core.clock import to_us
from models.registered import P_ORDER
from privacy.consent import PERSONALISATION
from profiles.decisions import LoggedDecision
from profiles.snapshot import BUY_AGAIN, NEW_FOR_YOU, Pick, Profile, Value
from serving.brain import Brain
from serving.messages import PredictRequest, ProductFilter, RecommendRequest, RenderRequest

Results = list[dict[str, Any]]
Question = PredictRequest | RecommendRequest | RenderRequest
Handler = Callable[[Brain, Any, Sequence[str]], Results]  # of a brain, its request and a chunk

_CHUNK: Final = 25  # recipients answered in one go: some milliseconds
_SHOWN: Final = ("product_id", "name", "price_minor", "currency", "url", "image_url")


async def answer(handler: Handler, brain: Brain, request: Question) -> Results:
    """Answer a batch in the order asked, letting others in between."""
    ids = [recipient.customer_id for recipient in request.recipients]
    results: Results = []
    for start in range(0, len(ids), _CHUNK):
        if start:
            await asyncio.sleep(0)
        brain.refresh()
        results += handler(brain, request, ids[start : start + _CHUNK])
    return results


def predict(brain: Brain, request: PredictRequest, customer_ids: Sequence[str]) -> Results:
    """Say what is expected of customers; what cannot be said is null, with the reason."""
    allowed = brain.consents.granted_many(customer_ids, PERSONALISATION, brain.now())
    profiles = brain.profiles([each for each in customer_ids if each in allowed])
    names = request.outputs or _known_outputs(brain)
    versions, as_of = brain.model_versions(), brain.data_as_of().isoformat()
    results = []
    for customer_id in customer_ids:
        profile = profiles.get(customer_id)
        if profile is None:
            why = _why_nothing(brain, is_allowed=customer_id in allowed)
            known = [name for name in names if name in _known_outputs(brain)]
            profile = Profile(customer_id, why_null=dict.fromkeys(known, why))
        outputs = {name: profile.outputs.get(name) for name in names}
        results.append(
            {
                "customer_id": customer_id,
                "outputs": outputs,
                "reasons": _reasons(profile, outputs),
                "why_null": {
                    name: profile.why_null.get(name, f"there is no output {name!r}")
                    for name, value in outputs.items()
                    if value is None
                },
                "rung": "snapshot" if customer_id in profiles else "static",
                "model_versions": versions,
                "as_of": as_of,
            }
        )
    return results


def recommend(brain: Brain, request: RecommendRequest, customer_ids: Sequence[str]) -> Results:
    """Choose products for customers: their own list, then their cluster's, then everybody's."""
    now = brain.now()
    allowed = brain.consents.granted_many(customer_ids, PERSONALISATION, now)
    profiles = brain.profiles([each for each in customer_ids if each in allowed])
    ladders = {each: _ladder(brain, profiles.get(each), request.slot) for each in customer_ids}
    catalogue = brain.products(
        {
            pick.product_id
            for ladder in ladders.values()
            for picks in ladder.values()
            for pick in picks
        }
    )
    fits = {key for key, row in catalogue.items() if _fits(row, request.filter)}
    fits.difference_update(request.exclude)
    given = {"model_versions": brain.model_versions(), "as_of": brain.data_as_of().isoformat()}
    results: Results = []
    for customer_id in customer_ids:
        rung, picks = _take(ladders[customer_id], fits, request.n)
        products = [_product(catalogue[pick.product_id], pick) for pick in picks]
        body = {"slot": request.slot, "products": products, "rung": rung, **given}
        results.append({"customer_id": customer_id, **body, "decision_id": uuid4().hex})
    # Each is logged, though it be the same as before.
    brain.decisions.keep([_logged(each, allowed, ts_us=to_us(now)) for each in results])
    return results


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


_Ladder = dict[Rung, list[Pick]]


def _ladder(brain: Brain, profile: Profile | None, slot: str) -> _Ladder:
    """Return what may be recommended, best rung first; filters and stock come later."""
    own = list(profile.lists.get(slot, ())) if profile else []
    bought = {pick.product_id for pick in profile.lists.get(BUY_AGAIN, ())} if profile else set()
    barred = bought if slot == NEW_FOR_YOU else set()
    cluster = profile.outputs.get("cluster") if profile else None
    popular = brain.snapshot.popular() if brain.snapshot else []
    segment = brain.snapshot.popular(str(cluster)) if brain.snapshot and cluster else []
    if slot == BUY_AGAIN and own:  # what others buy is not "again"
        popular = segment = []
    shipped = [
        Pick(product["product_id"], 0.0, "static", campaign.spec.static.reason)
        for campaign in brain.campaigns.values()
        for product in campaign.static_products
    ]
    return {
        "snapshot": own,
        "segment": [pick for pick in segment if pick.product_id not in barred],
        "popular": [pick for pick in popular if pick.product_id not in barred],
        "static": [] if own or popular else shipped,
    }


def _take(ladder: _Ladder, fits: set[str], n: int) -> tuple[Rung, list[Pick]]:
    """Take the best `n` that fit, each once; the rung is that of the first."""
    taken: dict[str, Pick] = {}
    rung: Rung = "static"
    for step, picks in ladder.items():
        for pick in picks:
            if len(taken) < n and pick.product_id in fits and pick.product_id not in taken:
                rung = rung if taken else step
                taken[pick.product_id] = pick
    return rung, list(taken.values())


def _fits(product: Product, asked: ProductFilter) -> bool:
    price = product["price_minor"]
    within = asked.category is None or f"{product['category']}/".casefold().startswith(
        f"{asked.category.rstrip('/')}/".casefold()
    )
    affordable = asked.max_price_minor is None or (
        price is not None and price <= asked.max_price_minor
    )
    return product["available"] and within and affordable


def _product(product: Product, pick: Pick) -> dict[str, object]:
    return {
        **{name: product[name] for name in _SHOWN},
        "score": pick.score,
        "source": pick.source,
        "reason": pick.reason,
    }


def _reasons(profile: Profile, outputs: Mapping[str, Value]) -> dict[str, str]:
    """Say in words what the outputs rest on; only what is there."""
    reasons: dict[str, str] = {}
    recency, orders = profile.features.get("recency_days"), profile.features.get("orders_365d")
    if outputs.get(P_ORDER) is not None and recency is not None and orders is not None:
        last, often = _counted(recency, "day"), _counted(orders, "order")
        reasons[P_ORDER] = f"last order {last} ago, {often} in a year"
    traits = profile.outputs.get("cluster_traits")
    if outputs.get("cluster") is not None and isinstance(traits, list):
        reasons["cluster"] = ", ".join(traits)
    return reasons


def _counted(number: Value, noun: str) -> str:
    text = f"{number:.0f}"
    return f"{text} {noun}{'' if text == '1' else 's'}"


def _known_outputs(brain: Brain) -> Sequence[str]:
    return brain.snapshot.manifest.outputs if brain.snapshot else (P_ORDER,)


def _why_nothing(brain: Brain, *, is_allowed: bool) -> str:
    if not is_allowed:
        return NO_CONSENT
    return NOT_KNOWN if brain.snapshot else "there is no snapshot yet: run `sendwise score`"
