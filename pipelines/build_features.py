"""Write every customer's features as of one instant to Parquet, for notebooks and other tools."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import duckdb
import pandas as pd

from core import columns as c
from core.clock import to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.engine import Shop, feature_frame, features_to_parquet
from features.registry import PROPENSITY, names
from ingest.contract import ORDER_COMPLETED
from ingest.lake import connect
from pipelines.learnable import learnable
from pipelines.outcome import Outcome
from privacy.consent import MODEL_TRAINING

_QUANTILES: Final = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}


def build_features(settings: Settings, *, as_of: datetime) -> Outcome:
    """Compute features as of `as_of` and keep them in `features/` of the workspace.

    Customers without consent to `model_training` are left out, as the file is there to learn from.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: No order lies before `as_of`.
    """
    connection = connect(settings.home)
    try:
        event_range = _event_range(connection, as_of)
        frame = feature_frame(
            connection, cutoffs=[as_of], features=PROPENSITY, shop=Shop.of(settings)
        )
        allowed = set(learnable(settings, connection, as_of=as_of))
    finally:
        connection.close()
    known = len(frame)
    frame = frame[frame[c.CUSTOMER_ID].isin(allowed)].reset_index(drop=True)
    left_out = known - len(frame)
    files = features_to_parquet(
        frame,
        settings.home / "features",
        as_of=as_of,
        features=PROPENSITY,
        event_range_us=event_range,
    )
    who = "1 customer" if len(frame) == 1 else f"{len(frame):,} customers"
    return Outcome(
        title=f"{len(PROPENSITY)} features of {who} as of {as_of:%Y-%m-%d}",
        data={
            "path": str(files.parquet),
            "customers": len(frame),
            "left_out": left_out,
            **files.manifest,
        },
        columns=("feature", "unit", "mean", *_QUANTILES),
        rows=_summary(frame),
        notes=[
            f"Left out, without consent to {MODEL_TRAINING}: {left_out:,}.",
            f"written to {files.parquet}",
        ],
        status="done" if files.is_new else "unchanged",
    )


def _summary(frame: pd.DataFrame) -> list[list[object]]:
    values = frame[names(PROPENSITY)]
    mean, quantiles = values.mean(), values.quantile(list(_QUANTILES.values()))
    return [
        [one.name, one.unit, float(mean[one.name]), *map(float, quantiles[one.name])]
        for one in PROPENSITY
    ]


def _event_range(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[int, int]:
    row = connection.execute(
        "SELECT min(ts_us), max(ts_us), count(*) FILTER (event = $1) FROM events"
        " WHERE ts_us < $2 AND customer_id IS NOT NULL",
        [ORDER_COMPLETED, to_us(as_of)],
    ).fetchone()
    if row is None or not row[2]:
        raise NotEnoughDataError(
            f"no order of a known customer lies before {as_of:%Y-%m-%d}. "
            "Give a later --as-of, or import more."
        )
    return int(row[0]), int(row[1])
