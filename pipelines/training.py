"""The flow every model is trained by: data, fingerprint, fit, comparison, gate, registration.

A trainer (`pipelines/train_X.py`) has `run(settings, *, as_of, trials, register) -> Outcome`:
it builds its data, describes them as `LearntFrom` and calls `finish` with a function that
fits. That function is called only when these inputs and parameters have not run before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from typing import Final

from core.errors import ConfigError, DataError, NotReadyError
from core.ids import digest
from core.settings import Settings
from models import registry, tracking
from models.bundles import LoadedModel
from models.registered import ENGAGEMENT, LONGEST_DAYS, Target
from pipelines.contest import (
    Contender,
    Contest,
    LearntFrom,
    description_of,
    outcome_of,
    record,
    report_of,
    with_rivals,
)
from pipelines.learnable import learners
from pipelines.outcome import Outcome
from pipelines.workspace import require_writable

# What a trainer needs, in one place.
__all__ = [
    "SEED",
    "Contender",
    "Contest",
    "Fit",
    "LearntFrom",
    "chosen_of",
    "finish",
    "learners",
    "train_model",
]

SEED: Final = 7
REPORT: Final = "report.json"  # a run keeps its outcome under this name
TRAINERS: Final[Mapping[str, str]] = {
    "propensity": "pipelines.train_propensity",
    "engagement": "pipelines.train_engagement",
    "clusters": "pipelines.train_clusters",
    "recommender": "pipelines.train_recommender",
    "send-time": "pipelines.train_send_time",
    "value": "pipelines.train_value",
    "churn": "pipelines.train_churn",
}

# Options of `sendwise train` that only some models take.
_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "propensity": ("event", "days", "category"),
    "engagement": ("answer", "days"),
}
_NAMES: Final = {"days": "within_days"}
Fit = Callable[[LoadedModel | None], Contest]  # takes the champion, to score it on the same slice


def train_model(
    settings: Settings,
    what: str,
    *,
    as_of: datetime,
    trials: int,
    register: bool = True,
    **chosen: object,
) -> Outcome:
    """Train one model, compare it with its baselines and the champion, keep the better one.

    Args:
        settings: The workspace.
        what: One of `TRAINERS`.
        as_of: Only what was known strictly before counts.
        trials: How long tuning runs; 0 keeps the defaults.
        register: False evaluates and tracks, but registers nothing.
        chosen: What only this trainer takes, e.g. the `target` of propensity.

    Raises:
        ConfigError: There is no model called `what`, or the workspace is read-only.
    """
    if what not in TRAINERS:
        raise ConfigError(f"no model {what!r} to train; there are {', '.join(TRAINERS)}.")
    require_writable(settings)
    trainer = import_module(TRAINERS[what])  # here: each trainer imports this module
    outcome: Outcome = trainer.run(
        settings, as_of=as_of, trials=trials, register=register, **chosen
    )
    return outcome


def chosen_of(what: str, **options: str | int) -> dict[str, object]:
    """Return what a trainer takes besides, from the options of the command that were given.

    Raises:
        ConfigError: An option is not for this model, or its value is none.
    """
    given = {name: value for name, value in options.items() if value}
    if strange := given.keys() - _OPTIONS.get(what, ()):
        takes = ", ".join(f"--{name}" for name in _OPTIONS.get(what, ())) or "none of these"
        names = ", ".join(f"--{name}" for name in sorted(strange))
        raise ConfigError(f"{names} is not for {what}, which takes {takes}.")
    if what == "propensity" and given:
        return {"target": Target(**given)}  # type: ignore[arg-type]  # names and types as declared
    if int(given.get("days", 0)) > LONGEST_DAYS:
        raise ConfigError(f"--days must be at most {LONGEST_DAYS}, got {given['days']}.")
    if (answer := given.get("answer")) and answer not in ENGAGEMENT:
        raise ConfigError(f"--answer is one of {', '.join(ENGAGEMENT)}, got {answer!r}.")
    return {_NAMES.get(name, name): value for name, value in given.items()}


def finish(
    settings: Settings,
    *,
    data: LearntFrom,
    params: Mapping[str, object],
    fit: Fit,
    register: bool,
) -> Outcome:
    """Fit inside a tracked run, put the verdict on record, register and alias the winner.

    Args:
        settings: Where the workspace and the tracking server are.
        data: What is learnt from.
        params: What the caller chose (trials, seed, ...); part of the fingerprint.
        fit: Called with the current champion or None; not called when the same inputs and
            parameters were registered before and the champion can be read: then the outcome is
            `unchanged`.
        register: False evaluates and tracks, but registers nothing.
    """
    fingerprint = digest(data.name, version("sendwise"), data.as_of, data.digests, dict(params))
    current, damaged = _champion(settings, data.name)
    # What was learnt before mends nothing where the champion cannot be read.
    known = register and not damaged and registry.find_version(settings, data.name, fingerprint)
    if known:
        return _unchanged(settings, known)
    tags = {"fingerprint": fingerprint, "dry_run": not register}
    started = datetime.now(UTC)
    # Before the run: data that are too little leave none behind.
    contest = with_rivals(fit(current), notes=damaged)
    with tracking.start_run(
        settings, model=data.name, as_of=data.as_of, params=params, tags=tags, started=started
    ) as run:
        run.dataset(
            data.digest, cutoffs=data.cutoffs, rows=data.rows, source=str(settings.home / "lake")
        )
        record(run, data, params, contest)
        report = report_of(data, contest)
        if register:
            report["version"] = _register(settings, run, data, contest, fingerprint)
            report["alias"] = "champion" if contest.verdict.promote else "challenger"
        run.text(json.dumps(report, indent=1), REPORT)
        if register:  # last: a version counts only when everything about it is in place
            registry.admit(settings, data.name, report["version"], promote=contest.verdict.promote)
    return outcome_of(report)


def _champion(settings: Settings, name: str) -> tuple[LoadedModel | None, list[str]]:
    """Load the champion; one that cannot be read does not hinder its successor, which says so."""
    try:
        return registry.champion(settings, name), []
    except NotReadyError:
        return None, []
    except DataError as error:
        return None, [f"the champion was not compared: {error}"]


def _register(
    settings: Settings, run: tracking.Run, data: LearntFrom, contest: Contest, fingerprint: str
) -> str:
    winner = contest.winner
    if winner.model is None:
        raise DataError(f"{winner.name} is shown for comparison only and cannot be registered.")
    registry.clear_leavings(settings, data.name, fingerprint)
    version = run.register(
        winner.model,
        meta={
            "as_of": data.as_of.isoformat(),
            "labels_end": (data.labels_end or data.as_of).isoformat(),
            "features": list(data.features),
            "features_digest": data.features_digest,
            "data_digest": data.digest,
            "contender": winner.name,
        },
        features=data.features,
        tags={
            "fingerprint": fingerprint,
            "as_of": data.as_of.isoformat(),
            **data.digests,
            "contender": winner.name,
            "metric": contest.headline,
            "value": f"{winner.metrics[contest.headline]:.6f}",
            **_ends(winner, contest.headline),
            "verdict": contest.verdict.why,
        },
    )
    text = description_of(data, contest)
    registry.describe(settings, data.name, version, model=contest.purpose, text=text)
    return version


def _ends(winner: Contender, headline: str) -> dict[str, str]:
    """Return the interval of the metric that decides as tags, where it has one."""
    ends = winner.intervals.get(headline, ())
    return {name: f"{end:.6f}" for name, end in zip(("low", "high"), ends, strict=False)}


def _unchanged(settings: Settings, found: registry.Version) -> Outcome:
    report = json.loads(tracking.read_text(settings, found.run_id, REPORT))
    tracking.say_unchanged(settings, found.name, found.version)
    alias = ", ".join(found.aliases) or None  # as it is now: a rollback may have moved it
    return outcome_of({**report, "alias": alias}, status="unchanged")
