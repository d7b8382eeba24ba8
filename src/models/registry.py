"""Versions, the champion and its predecessors: who serves, who served, who waits.

The alias `champion` moves through `promote` and `rollback` only. The registered model's tag
`champions` holds the versions that were champion, oldest first, so that a rollback knows
where to go.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.clock import from_us
from core.errors import ConfigError, DataError, NotReadyError, UnavailableError
from core.settings import Settings
from models import bundles, tracking
from models.bundles import LoadedModel
from models.tracking import COMPLETE, FINGERPRINT

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
_HISTORY: Final = "champions"


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version, as the registry tells it."""

    name: str
    version: str
    run_id: str
    created: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def versions(settings: Settings, name: str | None = None) -> list[Version]:
    """List the complete versions, newest first, of one model or of all by name."""
    if not tracking.exists(settings):
        return []
    with tracking.server(settings) as client:
        names = [name] if name else sorted(m.name for m in client.search_registered_models())
        found = []
        for each in names:
            aliases = _aliases(client, each)
            for entry in client.search_model_versions(f"name='{each}'"):
                held = tuple(sorted(a for a, v in aliases.items() if str(v) == str(entry.version)))
                found.append(_version(entry, held))
    complete = [version for version in found if COMPLETE in version.tags]
    return sorted(complete, key=lambda version: (version.name, -int(version.version)))


def find_version(settings: Settings, name: str, fingerprint: str) -> Version | None:
    """Return the newest complete version learnt from exactly these inputs and parameters."""
    for version in versions(settings, name):
        if version.tags.get(FINGERPRINT) == fingerprint:
            return version
    return None


def admit(settings: Settings, name: str, version: str, *, promote: bool) -> None:
    """Give a fresh version its alias, then declare it complete.

    Here and below, a new champion is also kept as the last good bundle, where a running service
    finds it.
    """
    with tracking.server(settings) as client:
        if promote:
            _crown(client, name, version)
        else:
            client.set_registered_model_alias(name, CHALLENGER, version)
        client.set_model_version_tag(name, version, COMPLETE, "yes")
    if promote:
        _fetch(settings, name)


def describe(settings: Settings, name: str, version: str, *, model: str, text: str) -> None:
    """Say on MLflow's pages what the model is for, and what this version of it is."""
    with tracking.server(settings) as client:
        client.update_registered_model(name, model)
        client.update_model_version(name, version, text)


def clear_leavings(settings: Settings, name: str, fingerprint: str) -> None:
    """Delete what an interrupted training with the same fingerprint left half registered."""
    with tracking.server(settings) as client:
        for entry in client.search_model_versions(f"name='{name}'"):
            if entry.tags.get(FINGERPRINT) == fingerprint and COMPLETE not in entry.tags:
                client.delete_model_version(name, str(entry.version))


def promote(settings: Settings, name: str, version: str) -> Version:
    """Make `version` the champion by hand, past the gate.

    Raises:
        ConfigError: There is no such model or version.
    """
    chosen = _known(settings, name, version)
    with tracking.server(settings) as client:
        _crown(client, name, version)
    _fetch(settings, name)
    return chosen


def rollback(settings: Settings, name: str) -> Version:
    """Return to the champion before the present one.

    Raises:
        ConfigError: There is no such model, or nothing to go back to.
    """
    known = {version.version: version for version in _all_of(settings, name)}
    with tracking.server(settings) as client:
        history = [v for v in _history(client, name) if v in known]
        if len(history) < 2:
            raise ConfigError(
                f"{name} has no earlier champion to go back to. See `sendwise models`."
            )
        client.set_registered_model_alias(name, CHAMPION, history[-2])
        client.set_registered_model_tag(name, _HISTORY, ",".join(history[:-1]))
    _fetch(settings, name)
    return known[history[-2]]


def champion(settings: Settings, name: str) -> LoadedModel:
    """Load the champion of `name`, and keep it as the last good bundle.

    When the registry does not answer, or is not there at all, the last good bundle is
    served and says that it is `stale`. A bundle that is damaged is fetched once more.

    Raises:
        NotReadyError: There is no champion.
        DataError: It cannot be read, in the registry either.
        UnavailableError: The registry does not answer, and no bundle was kept.
    """
    if not tracking.exists(settings):
        return bundles.last_good(settings.home, name)
    try:
        version = _fetch(settings, name)
    except UnavailableError:
        try:
            return bundles.last_good(settings.home, name)
        except NotReadyError:
            pass
        raise
    try:
        return bundles.load(settings.home, name, version)
    except DataError as damaged:
        try:
            _fetch(settings, name, anew=True)
        except UnavailableError:
            raise damaged from None
    return bundles.load(settings.home, name, version)


def _fetch(settings: Settings, name: str, *, anew: bool = False) -> str:
    with tracking.server(settings) as client:
        version = _aliases(client, name).get(CHAMPION)
        if version is None:
            raise NotReadyError(f"{name} has no champion yet. Run `sendwise train` first.")
        run_id = str(client.get_model_version(name, version).run_id)
    if anew or not bundles.holds(settings.home, name, version, run_id):
        scratch = bundles.aside(settings.home, name)
        try:
            bundles.keep(
                settings.home, name, version, tracking.download(settings, name, version, scratch)
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    bundles.point_at(settings.home, name, version)
    return version


def _crown(client: Any, name: str, version: str) -> None:  # noqa: ANN401  # MLflow's client
    aliases = _aliases(client, name)
    history = _history(client, name)
    if not history or history[-1] != version:
        history.append(version)
    client.set_registered_model_tag(name, _HISTORY, ",".join(history))
    client.set_registered_model_alias(name, CHAMPION, version)
    if aliases.get(CHALLENGER) == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def _aliases(client: Any, name: str) -> dict[str, str]:  # noqa: ANN401
    found = client.search_registered_models(f"name='{name}'")
    return {alias: str(v) for alias, v in found[0].aliases.items()} if found else {}


def _history(client: Any, name: str) -> list[str]:  # noqa: ANN401
    tags = client.get_registered_model(name).tags
    return [version for version in tags.get(_HISTORY, "").split(",") if version]


def _all_of(settings: Settings, name: str) -> list[Version]:
    found = versions(settings)
    of_name = [version for version in found if version.name == name]
    if not of_name:
        names = ", ".join(sorted({version.name for version in found})) or "none yet"
        raise ConfigError(f"no registered model {name!r}; there are: {names}.")
    return of_name


def _known(settings: Settings, name: str, version: str) -> Version:
    of_name = _all_of(settings, name)
    for each in of_name:
        if each.version == version:
            return each
    numbers = ", ".join(each.version for each in of_name)
    raise ConfigError(f"{name} has no version {version!r}; there are: {numbers}.")


def _version(entry: Any, aliases: tuple[str, ...]) -> Version:  # noqa: ANN401  # MLflow's entity
    created = from_us(entry.creation_timestamp * 1_000)
    return Version(entry.name, str(entry.version), entry.run_id, created, aliases, dict(entry.tags))
