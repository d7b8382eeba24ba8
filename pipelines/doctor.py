"""Which models the data can carry: what each needs, what there is, what is used instead."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import duckdb

from core.settings import Settings
from ingest.lake import connect
from models import registered
from models.bundles import kept_version
from models.sufficiency import INSTEAD, MODELS, Facts, needs_of, shortfall
from pipelines.learnable import Learners, facts_of, nobody, who_allows
from pipelines.outcome import Outcome, Sheet
from privacy.consent import MODEL_TRAINING

_COLUMNS: Final = ("model", "verdict", "needs", "has")
# The others are registered as they are called.
_NAMES: Final = {"propensity": registered.PROPENSITY}


def examine(settings: Settings, *, as_of: datetime) -> Outcome:
    """Say of every model whether what was known before `as_of` is enough to train it.

    Raises:
        NotReadyError: Nothing has been imported.
    """
    connection = connect(settings.home)
    try:
        allowed, known = who_allows(settings, connection, as_of=as_of)
        facts = facts_of(settings, connection, allowed, as_of=as_of)
        everybody = facts
        if allowed.left_out:
            everybody = facts_of(settings, connection, _everybody(connection), as_of=as_of)
    finally:
        connection.close()
    silenced = str(nobody(MODEL_TRAINING, as_of)) if known and not allowed.ids else ""
    models = [_diagnosis(settings, facts, name, silenced) for name in MODELS]
    return Outcome(
        title=f"What the data can carry before {as_of:%Y-%m-%d}",
        data={
            "as_of": as_of.isoformat(),
            "learnt_from": facts.customers,
            "left_out": facts.left_out,
            "models": models,
        },
        columns=_COLUMNS,
        rows=_rows(facts),
        sheets=[Sheet(title="What is used", columns=("model", "used"), rows=_used(models))],
        notes=_notes(facts, everybody, models),
    )


def _everybody(connection: duckdb.DuckDBPyConnection) -> Learners:
    """Return all customers as if they had agreed: only to tell whether consent is what lacks."""
    rows = connection.execute(
        "SELECT DISTINCT customer_id FROM events WHERE customer_id IS NOT NULL"
    ).fetchall()
    return Learners([row[0] for row in rows], buyers=0, left_out=0)


def _diagnosis(settings: Settings, facts: Facts, name: str, silenced: str) -> dict[str, object]:
    why = shortfall(facts, name)
    return {
        "model": name,
        "enough": not why,
        "needs": [
            {
                "what": need.what,
                "at_most" if need.at_most else "at_least": need.needs,
                "has": need.has,
                "met": need.met,
            }
            for need in needs_of(facts, name)
        ],
        "why": (silenced or why) if why else None,
        "champion": kept_version(settings.home, _NAMES.get(name, name)),
        "instead": INSTEAD[name] if why else None,
    }


def _rows(facts: Facts) -> list[list[object]]:
    return [
        [
            name,
            "enough" if need.met else "too little",
            str(need),
            need.has,
        ]
        for name in MODELS
        for need in needs_of(facts, name)
    ]


def _used(models: list[dict[str, object]]) -> list[list[object]]:
    rows: list[list[object]] = []
    for one in models:
        if one["champion"]:
            used = f"champion v{one['champion']}" + ("" if one["enough"] else ", trained before")
        elif one["enough"]:
            used = f"nothing yet: `sendwise train {_trained_by(str(one['model']))}`"
        else:
            used = str(one["instead"])
        rows.append([one["model"], used])
    return rows


def _trained_by(name: str) -> str:
    return registered.trained_by(_NAMES.get(name, name))


def _notes(facts: Facts, everybody: Facts, models: list[dict[str, object]]) -> list[str]:
    notes = list(dict.fromkeys(str(one["why"]) for one in models if one["why"]))
    if facts.left_out:
        notes.append(f"Left out, without consent to {MODEL_TRAINING}: {facts.left_out:,}.")
    lacking = [str(one["model"]) for one in models if not one["enough"]]
    if silent := [name for name in lacking if not shortfall(everybody, name)]:
        notes.append(
            f"It is consent that lacks, not data, for {', '.join(silent)}: ask for it, or import "
            "the consents you have."
        )
    return notes
