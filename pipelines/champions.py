"""The models in use: which there are, and what to run for those there are not."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from core.errors import DataError, NotReadyError, UnavailableError
from core.settings import Settings
from models import bundles, registered, registry, tracking
from models.bundles import LoadedModel
from models.recommender import Recommender
from models.registered import ORDER, QUARTER
from models.sufficiency import MODELS, shortfall
from pipelines.learnable import facts_of, who_allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Champions:
    """The champions by registered name, and why others are none.

    `unreadable` says what is wrong with one that is there, `too_little` what the data lack to train
    one that is not.
    """

    models: Mapping[str, LoadedModel] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    too_little: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """Registered name -> version."""
        return {name: each.version for name, each in self.models.items()}

    @property
    def stale(self) -> list[str]:
        """Registered names of those kept last, which the registry did not confirm."""
        return [name for name, each in self.models.items() if each.stale]

    @property
    def probabilities(self) -> list[str]:
        """Registered names of propensities and engagements of any target, the usual ones first."""
        others = sorted(filter(registered.is_probability, {*self.models, *self.unreadable}))
        return list(dict.fromkeys([*registered.PROBABILITIES, *others]))

    @property
    def recommender(self) -> Recommender | None:
        """The recommender, if there is one."""
        loaded = self.models.get(registered.RECOMMENDER)
        return loaded.model if loaded and isinstance(loaded.model, Recommender) else None

    def lacks(self, name: str) -> str:
        """Say why there is no such model, with the command that makes it; empty: there is one."""
        if name in self.models:
            return ""
        command = f"run `sendwise train {registered.trained_by(name)}`"
        if why := self.unreadable.get(name):
            return f"the champion cannot be used ({why}): {command}"
        return self.too_little.get(name) or f"no champion yet: {command}"


def load_champions(settings: Settings, shortfalls: Mapping[str, str] | None = None) -> Champions:
    """Load the champions there are; one that is not there or cannot be read is not an error.

    Args:
        settings: The workspace.
        shortfalls: Why there is too little to train a model, by registered name.

    Raises:
        UnavailableError: The registry does not answer, and no champion was kept.
    """
    models: dict[str, LoadedModel] = {}
    unreadable: dict[str, str] = {}
    too_few = shortfalls or {}
    silent: UnavailableError | None = None
    for name in (*registered.MODELS, *_others(settings)):
        try:
            models[name] = registry.champion(settings, name)
        except NotReadyError:
            continue
        except UnavailableError as error:  # nor was one kept: the others go on without it
            silent = error
            if name not in too_few:
                unreadable[name] = "no registry answers, and none was kept"
        except DataError:
            unreadable[name] = "it is damaged, or of another version of sendwise"
    if silent and not models:
        raise silent
    return Champions(models=models, unreadable=unreadable, too_little=too_few)


def too_little(
    settings: Settings, connection: duckdb.DuckDBPyConnection, as_of: datetime
) -> dict[str, str]:
    """Say of each model that the data cannot carry what they lack, as `sendwise doctor` does."""
    allowed, _ = who_allows(settings, connection, as_of=as_of)
    facts = facts_of(settings, connection, allowed, as_of=as_of)
    quarter = facts_of(settings, connection, allowed, as_of=as_of, horizon=QUARTER.horizon)
    found = {name: shortfall(facts, name) for name in MODELS if name != "propensity"}
    found |= {ORDER.name: shortfall(facts, "propensity")}
    found |= {QUARTER.name: shortfall(quarter, "propensity")}
    return {name: why.rstrip(".") for name, why in found.items() if why}


def _others(settings: Settings) -> list[str]:
    """Return registered names of propensities that somebody trained besides, or that were kept."""
    found = {*bundles.kept_names(settings.home)}
    if tracking.exists(settings):
        with suppress(UnavailableError):
            found |= {each.name for each in registry.versions(settings)}
    return sorted(filter(registered.is_probability, found - {*registered.MODELS}))
