"""A candidate, rules and the champion on one test slice of `features.ahead`, and the verdict.

The gate compares with the best of the rules on the slice: to beat one that happens to be weak here
would say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from core.errors import MissingColumnsError
from core.settings import Settings
from features.ahead import Ahead, look_ahead
from features.feature import Feature, definitions_digest
from features.shop import Shop
from ingest.lake import connect
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.gate import Floats, Interval, Metric, Verdict, bootstrap, decide, paired_bootstrap
from models.sufficiency import require
from pipelines.contest import Contender, LearntFrom
from pipelines.learnable import Learners, facts_of
from pipelines.training import SEED, learners


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """How answers are judged."""

    headline: str  # the metric that decides, of `figures`
    metric: Metric  # the same for the gate
    figures: Callable[[pd.DataFrame], Mapping[str, float]]  # of one model's answers
    pairs: Callable[[pd.DataFrame], Floats]  # truth and answer, as `metric` takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Everybody's figures, and what the gate says."""

    candidate: Contender
    rules: Sequence[Contender]  # the best first
    champion: Contender | None
    verdict: Verdict
    answers: Mapping[str, pd.DataFrame]  # of the candidate, then the rules, by name
    pairs: Mapping[str, Floats]  # the champion's, too
    metric: Metric
    notes: Sequence[str] = ()

    def gain_over(self, name: str) -> Interval:
        """Return the candidate's gain in the headline over one of the others."""
        mine = self.pairs[self.candidate.name]
        return paired_bootstrap(mine, self.pairs[name], metric=self.metric, seed=SEED)


def ahead_of(
    settings: Settings, name: str, features: tuple[Feature, ...], *, as_of: datetime
) -> tuple[Ahead, LearntFrom, Learners]:
    """Return what a model of the next quarter is learnt from and judged by, described.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: Too little history, or too few customers.
    """
    connection = connect(settings.home)
    try:
        allowed = learners(settings, connection, as_of=as_of)
        require(facts_of(settings, connection, allowed, as_of=as_of), name)
        with allowed.named():
            rows = look_ahead(
                connection,
                as_of=as_of,
                features=features,
                shop=Shop.of(settings),
                customers=set(allowed.ids),
            )
    finally:
        connection.close()
    data = LearntFrom(
        name=name,
        as_of=as_of,
        digest=rows.digest,
        cutoffs=rows.learnt_at,  # the test slice only judges
        labels_end=rows.tested_at,
        rows=len(rows.learning),
        left_out=allowed.left_out,
        features={feature.name: feature.dtype for feature in features},
        features_digest=definitions_digest(features),
    )
    return rows, data, allowed


def judge(
    models: Mapping[str, Artefact],
    rows: Ahead,
    champion: LoadedModel | None,
    yardstick: Yardstick,
    *,
    margin: float,
) -> Judged:
    """Let the candidate, the rules after it, and the champion answer, and apply the gate.

    All answer with a frame of outputs, about the test slice of `rows`; `margin` is the gate's.
    """
    answers: dict[str, pd.DataFrame] = {n: one.predict(rows.test) for n, one in models.items()}
    candidate, *rules = [
        _contender(name, model, answers[name], yardstick) for name, model in models.items()
    ]
    rules.sort(key=lambda one: one.metrics[yardstick.headline], reverse=True)
    pairs = {name: yardstick.pairs(each) for name, each in answers.items()}
    stays, why_not = _barred(champion, rows)
    current = None
    if champion is not None and not why_not:
        found = champion.model.predict(rows.test)
        current = _contender(f"champion v{champion.version}", champion.model, found, yardstick)
        pairs[current.name] = yardstick.pairs(found)
    return Judged(
        candidate=candidate,
        rules=rules,
        champion=current,
        verdict=decide(
            candidate=pairs[candidate.name],
            baseline=pairs[rules[0].name],
            rule=rules[0].name,
            champion=pairs[current.name] if current else None,
            metric=yardstick.metric,
            margin=margin,
            seed=SEED,
            stays=stays,
        ),
        answers=answers,
        pairs=pairs,
        metric=yardstick.metric,
        notes=(why_not,) if why_not else (),
    )


def _contender(
    name: str, model: Artefact, answers: pd.DataFrame, yardstick: Yardstick
) -> Contender:
    ends = bootstrap(yardstick.pairs(answers), metric=yardstick.metric, seed=SEED)
    return Contender(
        name=name,
        model=model,
        metrics=yardstick.figures(answers),
        intervals={yardstick.headline: ends},
    )


def _barred(champion: LoadedModel | None, rows: Ahead) -> tuple[bool, str]:
    """Say whether the champion has learnt from the slice, and why it cannot be compared, if so.

    Its labels ended where its own test slice began.
    """
    if champion is None:
        return False, ""
    name = f"champion v{champion.version} was not compared"
    end = champion.meta.get("labels_end") or champion.meta["as_of"]
    if datetime.fromisoformat(end) > rows.tested_at:
        day = champion.meta["as_of"][:10]
        return True, f"{name}: it is of {day} and has learnt from the test slice"
    try:
        champion.model.predict(rows.test.head(1))
    except MissingColumnsError as error:
        return False, f"{name}: it needs {', '.join(error.missing)}, no longer defined"
    return False, ""
