"""Score every customer as of one instant, and write it all as one snapshot for serving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from content.decision import NO_CONSENT
from core import columns as c
from core.errors import NotEnoughDataError, NotReadyError
from core.ids import digest
from core.settings import Settings
from features.engine import content_digest
from features.feature import definitions_digest, names
from features.shop import Shop
from ingest.lake import connect
from models.assortment import Assortment, read_assortment, sold_by_group
from models.common_lists import common_lists
from models.interactions import History, Purchases
from models.last_bought import last_bought
from models.recommender import HALF_LIFE, Recommender
from pipelines.champions import Champions, load_champions, too_little
from pipelines.customer_outputs import (
    FEATURES,
    describe_clusters,
    features_of_all,
    kinds_of,
    lacking_of,
    missing_of,
    outputs_of,
    schema_of,
)
from pipelines.learnable import consenting
from pipelines.outcome import Advance, Outcome, progress_bar
from pipelines.product_items import items_digest, items_of, kinship
from pipelines.stage_moves import snapshot_before, stage_moves
from pipelines.told import Told
from pipelines.workspace import require_writable
from privacy.consent import MODEL_TRAINING, PERSONALISATION
from profiles.profile import BUY_AGAIN, NEW_ARRIVALS, NEW_FOR_YOU, TRENDING, Pick, Profile, Value
from profiles.snapshot import Manifest, current_id, find_snapshot, snapshot_id, write_snapshot

PER_SLOT: Final = 40  # products kept per list: a block shows a few, the rest may sell out
CHUNK: Final = 2_000  # customers whose lists are in memory at once
UNCONFIRMED: Final = "No registry answered, so the champions kept last were used"
_SLOTS: Final = (BUY_AGAIN, NEW_FOR_YOU)
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run reads.

    `personal` says who of `frame` consents to personalisation; `teachers` to be learnt from, nobody
    where the champion has learnt already.
    """

    as_of: datetime
    champions: Champions
    frame: pd.DataFrame
    personal: Flags
    assortment: Assortment
    history: History
    teachers: Sequence[str]


def score_customers(settings: Settings, *, as_of: datetime) -> Outcome:
    """Write features, scores, clusters and product lists of all customers as a snapshot.

    A model that is not there yet is not an error: what it would give is null, with the reason. Of
    customers without consent to personalisation only the id is kept.

    Raises:
        ConfigError: The workspace is read-only.
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: No order lies before `as_of`.
    """
    require_writable(settings)
    connection = connect(settings.home)
    try:
        inputs = _read(settings, connection, as_of)
        identity = snapshot_id(as_of, _described(connection, inputs))
        known = find_snapshot(settings.home, identity)
        if known and _is_current(settings, identity):
            return _outcome(settings, known, inputs.champions, "unchanged")
        before = snapshot_before(settings)
        written = _write(settings, connection, inputs, identity)
        outcome = _outcome(settings, written, inputs.champions, "done")
        return replace(outcome, sheets=stage_moves(settings, before, written))
    finally:
        connection.close()


def _read(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of: datetime) -> Inputs:
    champions = load_champions(settings, too_little(settings, connection, as_of))
    frame = features_of_all(connection, settings, as_of=as_of)
    if frame.empty:
        raise NotEnoughDataError(
            f"no customer has an order before {as_of:%Y-%m-%d}. Import orders, or choose a "
            "later --as-of."
        )
    customers = frame[c.CUSTOMER_ID].tolist()
    allowed = consenting(settings, customers, PERSONALISATION, as_of=as_of)
    fitted = champions.recommender
    learnt = fitted is not None and fitted.hybrid is not None
    teachers = set() if learnt else consenting(settings, customers, MODEL_TRAINING, as_of=as_of)
    assortment = read_assortment(connection, before=as_of)
    return Inputs(
        as_of=as_of,
        champions=champions,
        frame=frame,
        personal=frame[c.CUSTOMER_ID].isin(allowed).to_numpy(),
        assortment=assortment,
        history=History(connection, assortment, before=as_of, half_life=HALF_LIFE),
        teachers=sorted(teachers),
    )


def _described(connection: duckdb.DuckDBPyConnection, inputs: Inputs) -> dict[str, object]:
    """Everything that could change what a snapshot says: the same again, the same ID."""
    return {
        "sendwise": version("sendwise"),
        "models": inputs.champions.versions,
        "features": content_digest(inputs.frame),
        "definitions": definitions_digest(FEATURES),
        "purchases": inputs.history.digest(inputs.frame[c.CUSTOMER_ID].to_numpy(dtype=np.str_)),
        "personal": np.flatnonzero(inputs.personal).tolist(),
        "per_slot": PER_SLOT,
        "items": items_digest(connection, as_of=inputs.as_of),
        "teachers": digest(inputs.teachers),
    }


def _is_current(settings: Settings, identity: str) -> bool:
    try:
        return current_id(settings.home) == identity
    except NotReadyError:
        return False


def _write(
    settings: Settings, connection: duckdb.DuckDBPyConnection, inputs: Inputs, identity: str
) -> Manifest:
    champions = inputs.champions
    told = outputs_of(
        connection, inputs.frame, champions, as_of=inputs.as_of, shop=Shop.of(settings)
    )
    fitted = champions.recommender
    recommender = fitted.at(inputs.assortment) if fitted else None
    rules = Recommender(inputs.assortment)  # what is popular needs no model
    members = _members(inputs, told.outputs["cluster"])
    sold = sold_by_group(connection, inputs.assortment, members, before=inputs.as_of)
    shop = common_lists(inputs.assortment, PER_SLOT)
    manifest = Manifest(
        id=identity,
        as_of=inputs.as_of,
        model_versions=champions.versions,
        customers=0,
        outputs=tuple(kinds_of(champions)),
        clusters=describe_clusters(champions, members),
        popular=tuple(rules.popular(PER_SLOT)),
        popular_by_cluster={
            name: tuple(rules.popular(PER_SLOT, among=orders)) for name, orders in sold.items()
        },
        trending=tuple(shop[TRENDING]),
        new_arrivals=tuple(shop[NEW_ARRIVALS]),
    )
    known = kinship(connection, inputs.assortment, recommender, inputs.teachers, as_of=inputs.as_of)
    with progress_bar("scoring", total=len(inputs.frame)) as advance:
        profiles = _profiles(inputs, told, recommender, advance)
        items = items_of(connection, inputs.assortment, known)
        schema = schema_of(champions)
        return write_snapshot(settings.home, manifest, profiles, scores_schema=schema, items=items)


def _members(inputs: Inputs, clusters: Sequence[Value]) -> dict[str, list[str]]:
    """Return the customers of each cluster who consent: only theirs make it popular."""
    members: dict[str, list[str]] = {}
    rows = zip(inputs.frame[c.CUSTOMER_ID], clusters, inputs.personal, strict=True)
    for customer_id, cluster, allowed in rows:
        if isinstance(cluster, str) and allowed:
            members.setdefault(cluster, []).append(customer_id)
    return members


def _profiles(
    inputs: Inputs, told: Told, recommender: Recommender | None, advance: Advance
) -> Iterator[Profile]:
    """Make the profiles chunk by chunk, so that memory does not grow with the customers."""
    lacking = {
        name: why
        for name, why in missing_of(inputs.champions).items()
        if name not in told.outputs  # lists
    }
    for start in range(0, len(inputs.frame), CHUNK):
        rows = slice(start, start + CHUNK)
        allowed = inputs.personal[rows]
        part = inputs.frame.iloc[rows]
        ids = part[c.CUSTOMER_ID].tolist()
        features = zip(*(part[name].tolist() for name in names(FEATURES)), strict=True)
        bought = inputs.history.of(part[c.CUSTOMER_ID][allowed].tolist())
        lists = _lists(recommender, bought)
        lasts = last_bought(bought, inputs.assortment.product_ids)
        for row, (customer_id, known, yes) in enumerate(
            zip(ids, features, allowed, strict=True), start=start
        ):
            if yes:
                yield Profile(
                    customer_id,
                    outputs={name: each[row] for name, each in told.outputs.items()},
                    why_null=lacking
                    | {name: why[row] for name, why in told.why.items() if why[row]},
                    reasons={name: said[row] for name, said in told.reasons.items() if said[row]},
                    features=dict(zip(names(FEATURES), known, strict=True)),
                    lists=next(lists),
                    bought=next(lasts),
                )
            else:
                yield _withheld(customer_id, inputs.champions)
        advance(len(ids))


def _lists(recommender: Recommender | None, bought: Purchases) -> Iterator[dict[str, list[Pick]]]:
    if recommender is None:
        return iter([{slot: [] for slot in _SLOTS} for _ in range(len(bought))])
    return recommender.picks(bought, PER_SLOT)


def _withheld(customer_id: str, champions: Champions) -> Profile:
    """Without consent to personalisation nothing is kept but the reason."""
    return Profile(
        customer_id,
        outputs=dict.fromkeys(kinds_of(champions)),
        why_null=dict.fromkeys((*kinds_of(champions), *_SLOTS), NO_CONSENT),
        lists={slot: [] for slot in _SLOTS},
    )


def _outcome(
    settings: Settings,
    manifest: Manifest,
    champions: Champions,
    status: Literal["done", "unchanged"],
) -> Outcome:
    """Sum up the snapshot from its own files: the table says what is really there."""
    folder = settings.home / "snapshots" / manifest.id
    rows = _rows(folder, manifest)
    versions = ", ".join(f"{name} v{number}" for name, number in manifest.model_versions.items())
    return Outcome(
        title=f"{manifest.customers:,} customers scored as of {manifest.as_of:%Y-%m-%d %H:%M} UTC",
        data={
            "snapshot": manifest.id,
            "path": str(folder),
            "as_of": manifest.as_of.isoformat(),
            "customers": manifest.customers,
            "model_versions": manifest.model_versions,
            "stale": champions.stale,
            "missing": missing_of(champions),
            "outputs": {
                name: {"customers": count, "coverage": share, "mean": mean}
                for name, count, share, mean in rows
            },
            "clusters": {name: each["customers"] for name, each in manifest.clusters.items()},
        },
        columns=("output", "customers", "coverage", "mean"),
        rows=rows,
        notes=[
            *lacking_of(champions),
            *([f"{UNCONFIRMED}: {', '.join(champions.stale)}."] if champions.stale else []),
            f"Models: {versions or 'none'}. Snapshot: {folder}",
        ],
        status=status,
    )


def _rows(folder: Path, manifest: Manifest) -> list[tuple[str, int, float, float | None]]:
    """Return name, customers, coverage and mean of each output and each list."""
    scores = pd.read_parquet(folder / "scores.parquet", columns=list(manifest.outputs))
    listed = pd.read_parquet(folder / "lists.parquet", columns=[c.CUSTOMER_ID, "slot"])
    rows: list[tuple[str, int, float, float | None]] = []
    for name, column in scores.items():
        numbers = pd.api.types.is_numeric_dtype(column) and column.notna().any()
        mean = float(column.mean()) if numbers else None
        # An empty list says as little as none.
        has = column.map(lambda value: value is not None and np.size(value) > 0) & column.notna()
        rows.append((str(name), int(has.sum()), float(has.mean()), mean))
    for slot in _SLOTS:
        lengths = listed[listed["slot"] == slot].groupby(c.CUSTOMER_ID).size()
        share = len(lengths) / manifest.customers
        rows.append((f"list {slot}", len(lengths), share, None))  # a length is no value's mean
    return rows
