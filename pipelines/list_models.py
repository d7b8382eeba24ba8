"""What is registered, and moving the champion by hand."""

from __future__ import annotations

from core.settings import Settings
from models import registry
from models.registry import Version
from pipelines.outcome import Outcome

_COLUMNS = ("model", "version", "alias", "kind", "metric", "value", "95 %", "as of", "created")


def list_models(settings: Settings) -> Outcome:
    """List every registered version with its alias, metric and cut-off, newest first."""
    return _outcome("Registered models", registry.versions(settings))


def promote_model(settings: Settings, name: str, version: str) -> Outcome:
    """Make `version` of `name` the champion, whatever the gate said."""
    registry.promote(settings, name, version)
    return _moved(settings, name, f"{name}: version {version} is champion now.")


def rollback_model(settings: Settings, name: str) -> Outcome:
    """Return `name` to the champion before the present one."""
    back = registry.rollback(settings, name)
    return _moved(settings, name, f"{name}: back to version {back.version}.")


def _number(one: Version, tag: str) -> float | None:
    return float(one.tags[tag]) if tag in one.tags else None


def _moved(settings: Settings, name: str, note: str) -> Outcome:
    return _outcome(note, registry.versions(settings, name))


def _outcome(title: str, found: list[Version]) -> Outcome:
    entries = [
        {
            "model": one.name,
            "version": one.version,
            "aliases": list(one.aliases),
            "contender": one.tags.get("contender"),
            "metric": one.tags.get("metric"),
            "value": _number(one, "value"),
            "low": _number(one, "low"),
            "high": _number(one, "high"),
            "verdict": one.tags.get("verdict"),
            "run_id": one.run_id,
            "as_of": one.tags.get("as_of"),
            "created": one.created.isoformat(timespec="seconds"),
        }
        for one in found
    ]
    rows = [
        [
            entry["model"],
            entry["version"],
            ", ".join(one.aliases),
            *(entry[key] for key in ("contender", "metric", "value")),
            "" if entry["low"] is None else f"{entry['low']:.4f} to {entry['high']:.4f}",
            str(entry["as_of"] or "")[:10],
            f"{one.created:%Y-%m-%d %H:%M}",
        ]
        for entry, one in zip(entries, found, strict=True)
    ]
    return Outcome(
        title=title,
        data={"models": entries},
        columns=_COLUMNS,
        rows=rows,
        notes=() if rows else ["Nothing registered yet. Run `sendwise train`."],
    )
