"""The flow every model is trained by: data, fingerprint, fit, comparison, gate, registration.

A trainer (`pipelines/train_X.py`) has `run(settings, *, as_of, trials, register) -> Outcome`:
it builds its data, describes them as `LearntFrom` and calls `finish` with a function that
fits. That function is called only when these inputs and parameters have not run before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Final

from matplotlib.figure import Figure

from core.errors import ConfigError
from core.settings import Settings
from models.artefact import Artefact
from models.bundles import LoadedModel
from models.gate import Verdict
from pipelines.outcome import Outcome

SEED: Final = 7
TRAINERS: Final[Mapping[str, str]] = {
    "propensity": "pipelines.train_propensity",
    "clusters": "pipelines.train_clusters",
    "recommender": "pipelines.train_recommender",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntFrom:
    """What a model is learnt from; with the parameters it makes the fingerprint."""

    name: str  # registered name, e.g. "propensity-order-30d"
    as_of: datetime
    digest: str  # of the data: the same rows give the same digest
    cutoffs: Sequence[datetime]
    rows: int
    features: Mapping[str, str] = field(default_factory=dict)  # name -> dtype, the model's order
    features_digest: str = ""  # of the definitions, not of the values


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One fitted model with its metrics on the slice that all contenders share."""

    name: str  # as the table shows it, e.g. "lightgbm", "rfm-sum", "champion v3"
    model: Artefact
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What a trainer's `fit` gives back: who took part, and what the gate said."""

    candidate: Contender
    baselines: Sequence[Contender] = ()  # the first is registered when the verdict says baseline
    champion: Contender | None = None
    headline: str  # the metric that decides, a key of every contender's metrics
    verdict: Verdict
    slice: str  # in words: which customers, which time
    purpose: str  # the card: what the model says, and what that is for
    limits: Sequence[str] = ()  # the card: where it is weak, how not to use it
    figures: Mapping[str, Figure] = field(default_factory=dict)  # file name -> figure
    params: Mapping[str, object] = field(default_factory=dict)  # found by fitting, e.g. tuned ones
    notes: Sequence[str] = ()  # lines under the table


Fit = Callable[[LoadedModel | None], Contest]  # takes the champion, to score it on the same slice


def train_model(
    settings: Settings, what: str, *, as_of: datetime, trials: int, register: bool = True
) -> Outcome:
    """Train one model, compare it with its baselines and the champion, keep the better one.

    Raises:
        ConfigError: There is no model called `what`.
    """
    if what not in TRAINERS:
        raise ConfigError(f"no model {what!r} to train; there are {', '.join(TRAINERS)}.")
    trainer = import_module(TRAINERS[what])  # here: each trainer imports this module
    outcome: Outcome = trainer.run(settings, as_of=as_of, trials=trials, register=register)
    return outcome


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
            parameters were registered before: then the outcome is `unchanged`.
        register: False evaluates and tracks, but registers nothing.
    """
    raise NotImplementedError
