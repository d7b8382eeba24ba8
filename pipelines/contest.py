"""Who took part in a training and how it ended: on record, as a card, as a table.

The words of the training flow: data are `LearntFrom`, a fitted model is a `Contender`, and
what a trainer's fit gives back is a `Contest` of the candidate, its baselines and the champion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from matplotlib.figure import Figure

from features.registry import REGISTRY
from models import tracking
from models.artefact import Artefact
from models.card import Card, Row, render_card
from models.environment import environment
from models.gate import Interval, Verdict
from pipelines.outcome import Outcome
from privacy.consent import MODEL_TRAINING

_MEANINGS = {one.name: f"{one.description} ({one.unit})" for one in REGISTRY}
_LOWER_IS_BETTER: Final = ("log_loss", "ece")  # what a score is used as depends on these too


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntFrom:
    """What a model is learnt from; with the parameters it makes the fingerprint."""

    name: str  # registered name, e.g. "propensity-order-30d"
    as_of: datetime
    digest: str  # of the data: the same rows give the same digest
    cutoffs: Sequence[datetime]
    rows: int
    labels_end: datetime | None = None  # what happened later judges only; None: there are no labels
    left_out: int = 0  # customers who did not consent to be learnt from
    features: Mapping[str, str] = field(default_factory=dict)  # name -> dtype, in the model's order
    features_digest: str = ""  # of the definitions, not of the values
    catalogue_digest: str = ""

    @property
    def digests(self) -> dict[str, str]:
        """The digests as tags, of what there is: a model may have no features, or no catalogue."""
        names = ("features_digest", "catalogue_digest")
        found = {name: getattr(self, name) for name in names if getattr(self, name)}
        return {"data_digest": self.digest, **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One fitted model with its metrics on the slice that all contenders share."""

    name: str  # as the table shows it, e.g. "lightgbm", "rfm-sum", "champion v3"
    model: Artefact | None  # None: shown beside the others, never registered
    metrics: Mapping[str, float]
    details: Mapping[str, float] = field(default_factory=dict)  # on record, too many for tables
    # 95 % intervals (low, high) of those metrics that have one.
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """All that is on record: metrics, details, and the ends of intervals."""
        ends = {
            f"{name}_{end}": value
            for name, interval in self.intervals.items()
            for end, value in zip(("low", "high"), interval, strict=True)
        }
        return {**self.metrics, **self.details, **ends}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a trainer's `fit` gives back: who took part, and what the gate said."""

    candidate: Contender
    baselines: Sequence[Contender] = ()  # the first is registered when the verdict says baseline
    tried: Sequence[Contender] = ()  # not chosen by the trainer itself; shown, not compared with
    champion: Contender | None = None
    headline: str  # the metric that decides, a key of every contender's metrics
    verdict: Verdict
    slice: str  # in words: which customers, which time
    purpose: str  # the card: what the model says, and what that is for
    limits: Sequence[str] = ()  # the card: where it is weak, how not to use it
    figures: Mapping[str, Figure] = field(default_factory=dict)  # file name -> figure
    params: Mapping[str, object] = field(default_factory=dict)  # found by fitting, e.g. tuned ones
    tuned: bool | None = None  # tuning beat the default parameters; None: there was none
    notes: Sequence[str] = ()  # lines under the table
    # The candidate's gain in the headline over the baseline of that name, where it can be told.
    gain_over: Callable[[str], Interval] | None = None

    @property
    def winner(self) -> Contender:
        """The contender that gets registered."""
        return self.candidate if self.verdict.winner == "candidate" else self.baselines[0]

    @property
    def everyone(self) -> list[tuple[Contender, str]]:
        """All contenders with their roles, the candidate first."""
        roles = [(self.candidate, "candidate"), *((one, "baseline") for one in self.baselines)]
        roles += [(one, "tried") for one in self.tried]
        return [*roles, (self.champion, "champion")] if self.champion else roles


def with_rivals(contest: Contest, *, notes: Sequence[str] = ()) -> Contest:
    """Note who else is as good as the candidate or better, after `notes`.

    The gate compares with one only.
    """
    own = contest.candidate.metrics
    found = list(notes)
    for position, rival in enumerate(contest.baselines):
        ties = [
            name
            for name, sign in ((contest.headline, 1), *((name, -1) for name in _LOWER_IS_BETTER))
            if name in own and name in rival.metrics
            if sign * rival.metrics[name] >= sign * own[name]
        ]
        if not ties:
            continue
        note = f"{rival.name} is as good as {contest.candidate.name} or better on {', '.join(ties)}"
        if position and contest.gain_over:  # the first one's is in the verdict
            gain = contest.gain_over(rival.name)
            note += f"; {contest.candidate.name}'s gain over it in {contest.headline}: {gain}"
        found.append(f"{note}.")
    return replace(contest, notes=[*found, *contest.notes])


def record(
    run: tracking.Run, data: LearntFrom, params: Mapping[str, object], contest: Contest
) -> None:
    """Put everything about the contest on the run: metrics, verdict, plots, model card."""
    run.params(contest.params)
    metrics = contest.candidate.figures
    for contender, role in contest.everyone[1:]:
        slug = "champion" if role == "champion" else contender.name
        metrics |= {f"{slug}.{name}": value for name, value in contender.figures.items()}
    verdict = contest.verdict
    for name, interval in (
        ("baseline", verdict.over_baseline),
        ("champion", verdict.over_champion),
    ):
        if interval is not None:
            metrics |= {
                f"gain_over_{name}": interval.gain,
                f"gain_over_{name}_low": interval.low,
                f"gain_over_{name}_high": interval.high,
            }
    run.metrics({_slug(name): value for name, value in metrics.items()})
    run.tags(
        {
            **data.digests,
            "verdict": verdict.why,
            "promoted": verdict.promote,
        }
    )
    for file, figure in contest.figures.items():
        run.figure(figure, file)
    run.text(json.dumps(environment(), indent=1), "environment.json")
    card = render_card(_card(data, params, contest))
    run.text(card, "model_card.md")
    run.describe(card)


def _card(data: LearntFrom, params: Mapping[str, object], contest: Contest) -> Card:
    return Card(
        name=data.name,
        purpose=contest.purpose,
        as_of=data.as_of.isoformat(),
        cutoffs=[f"{cutoff:%Y-%m-%d}" for cutoff in data.cutoffs],
        rows=data.rows,
        digest=data.digest,
        slice=contest.slice,
        headline=contest.headline,
        table=[
            Row(name=one.name, role=role, metrics=one.metrics, intervals=one.intervals)
            for one, role in contest.everyone
        ],
        verdict=contest.verdict,
        features={name: _MEANINGS.get(name, dtype) for name, dtype in data.features.items()},
        remarks=contest.notes,
        left_out=data.left_out,
        limits=contest.limits,
        params={**params, **contest.params},
        features_digest=data.features_digest,
        plots=[f"plots/{file}" for file in contest.figures],
        environment=environment(),
    )


def description_of(data: LearntFrom, contest: Contest) -> str:
    """Say in a few lines what a version is: who won, learnt from what, measured beside whom."""
    days = [f"{cutoff:%Y-%m-%d}" for cutoff in (min(data.cutoffs), max(data.cutoffs))]
    figures = ", ".join(
        f"{one.name} {one.metrics[contest.headline]:.4f}"
        for one, role in contest.everyone
        if contest.headline in one.metrics and role != "tried"
    )
    return (
        f"**{contest.winner.name}** as of {data.as_of:%Y-%m-%d}, learnt from {data.rows:,} rows, "
        f"cut-offs {' to '.join(dict.fromkeys(days))}.\n\n"
        f"{contest.headline}: {figures}. On {contest.slice}.\n\n"
        f"{contest.candidate.name} {contest.verdict.why}."
    )


def _slug(name: str) -> str:
    """Bring a name to what MLflow allows: `recall@20` is `recall_at_20`."""
    return re.sub(r"[^\w.-]+", "-", name.replace("@", "_at_"))


def report_of(data: LearntFrom, contest: Contest) -> dict[str, Any]:
    """Put the result into plain types: it is the JSON answer, and kept for `unchanged`."""
    verdict = contest.verdict
    return {
        "model": data.name,
        "as_of": data.as_of.isoformat(),
        "metric": contest.headline,
        "contenders": [
            {
                "name": one.name,
                "role": role,
                "metrics": dict(one.metrics),
                "intervals": {name: list(ends) for name, ends in one.intervals.items()},
            }
            for one, role in contest.everyone
        ],
        "winner": contest.winner.name,
        "promoted": verdict.promote,
        "verdict": verdict.why,
        "over_baseline": asdict(verdict.over_baseline) if verdict.over_baseline else None,
        "over_champion": asdict(verdict.over_champion) if verdict.over_champion else None,
        "version": None,
        "alias": None,
        "tuned": contest.tuned,
        "left_out": data.left_out,
        "notes": [
            *contest.notes,
            f"Left out, without consent to {MODEL_TRAINING}: {data.left_out:,}.",
        ],
    }


def outcome_of(report: dict[str, Any], *, status: Literal["done", "unchanged"] = "done") -> Outcome:
    """Turn a report into what the command line shows."""
    names = list(dict.fromkeys(n for one in report["contenders"] for n in one["metrics"]))
    names.sort(key=lambda name: name != report["metric"])
    rows = []
    for one in report["contenders"]:
        chosen = report["version"] if one["name"] == report["winner"] else None
        label = f"v{chosen} ({report['alias']})" if chosen else ""
        rows.append([one["name"], one["role"], *(one["metrics"].get(n) for n in names), label])
    fate = f"{report['contenders'][0]['name']} {report['verdict']}."  # the candidate's
    return Outcome(
        title=f"{report['model']} as of {report['as_of'][:10]}",
        data=report,
        columns=("model", "role", *names, "registered"),
        rows=rows,
        notes=[fate, *report["notes"]],
        status=status,
    )
