"""A contest of small models, and a training flow that it goes through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from core.settings import Settings
from models.bundles import LoadedModel
from models.gate import Verdict
from pipelines.contest import Contender, Contest, LearntFrom
from pipelines.training import finish
from tests.models.registered import small_model

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)


def contest(verdict: Verdict) -> Contest:
    """Return the contest that ends with this verdict."""
    return Contest(
        candidate=Contender(name="new", model=small_model(), metrics={"auc": 0.8, "ece": 0.01}),
        baselines=[
            Contender(name="rule", model=small_model(), metrics={"auc": 0.7, "recall@5": 0.2})
        ],
        headline="auc",
        verdict=verdict,
        slice="ten customers",
        purpose="Says something.",
    )


WINS = Verdict(promote=True, winner="candidate", why="beats the baseline")
LOSES = Verdict(promote=True, winner="baseline", why="does not beat the baseline for sure")
WAITS = Verdict(promote=False, winner="candidate", why="does not replace the champion")


def run(
    settings: Settings,
    name: str,
    *,
    verdict: Verdict = WINS,
    register: bool = True,
    digest: str = "d",
    fit: Callable[[LoadedModel | None], Contest] | None = None,
) -> dict[str, object]:
    """Train `name` in two trials; return the machine-readable outcome with its status."""
    outcome = finish(
        settings,
        data=LearntFrom(name=name, as_of=AS_OF, digest=digest, cutoffs=[AS_OF], rows=10),
        params={"trials": 2},
        fit=fit or (lambda _: contest(verdict)),
        register=register,
    )
    return {"status": outcome.status, **outcome.data}
