"""The answers: one function per question, shared by every surface that asks; predictions.

Handlers take checked requests and a brain and give plain dictionaries; they know nothing of
HTTP. Consent is read on every call. `answer` splits large batches, so that one caller's
thousand recipients do not hold up everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from content.decision import NO_CONSENT, NOT_KNOWN
from models.registered import P_ORDER
from privacy.consent import PERSONALISATION
from profiles.snapshot import Profile
from serving.brain import Brain
from serving.messages import PredictRequest, Recipient, RecommendRequest, RenderRequest

Results = list[dict[str, Any]]
Question = PredictRequest | RecommendRequest | RenderRequest
Handler = Callable[[Brain, Any, Sequence[Recipient]], Results]  # brain, request, some of it

_CHUNK: Final = 25  # recipients answered in one go: some milliseconds


async def answer(handler: Handler, brain: Brain, request: Question) -> Results:
    """Answer a batch in the order asked, letting others in between."""
    results: Results = []
    for start in range(0, len(request.recipients), _CHUNK):
        if start:
            await asyncio.sleep(0)
        brain.refresh()
        results += handler(brain, request, request.recipients[start : start + _CHUNK])
    return results


def predict(brain: Brain, request: PredictRequest, recipients: Sequence[Recipient]) -> Results:
    """Say what is expected of customers; what cannot be said is null, with the reason."""
    customer_ids = [each.customer_id for each in recipients]
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
                "reasons": {
                    name: profile.reasons[name]
                    for name, value in outputs.items()
                    if value is not None and name in profile.reasons
                },
                "why_null": {
                    name: profile.why_null.get(name, f"there is no output {name!r}")
                    for name, value in outputs.items()
                    if value is None
                },
                "rung": "snapshot" if customer_id in profiles else "static",
                "model_versions": versions,
                "as_of": as_of,
                "feature_cutoff": as_of,
            }
        )
    return results


def _known_outputs(brain: Brain) -> Sequence[str]:
    return brain.snapshot.manifest.outputs if brain.snapshot else (P_ORDER,)


def _why_nothing(brain: Brain, *, is_allowed: bool) -> str:
    if not is_allowed:
        return NO_CONSENT
    return NOT_KNOWN if brain.snapshot else "there is no snapshot yet: run `sendwise score`"
