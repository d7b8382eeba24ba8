"""Features of every customer at many cut-offs, in one DuckDB query."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core import columns as c
from core.clock import to_us
from core.errors import DataError
from core.files import new_folder
from core.ids import digest
from core.settings import Settings
from features.registry import PROPENSITY, Feature, definitions_digest
from features.relations import RELATIONS
from ingest.log import EventLog
from ingest.money import minor_digits

EVENTS_DB: Final = "events.db"
_TABLE: Final = "features.parquet"
_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What features need to know of the shop: its clock on the wall and its money.

    `rates` gives the value of one unit (a euro, not a cent) of a currency in the base currency,
    `currency`; an empty one is right for a shop that has only one.
    """

    timezone: str = "UTC"
    currency: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Shop:
        """Return the shop of the settings; what they leave open the first import has fixed."""
        currency, timezone = _fixed(settings.home / EVENTS_DB)
        return cls(
            timezone=settings.timezone or timezone or "UTC",
            currency=settings.currency or currency,
            rates=dict(settings.rates),
        )


def feature_frame(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Sequence[datetime],
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
) -> pd.DataFrame:
    """Compute features of all customers as of each cut-off, from events strictly before it.

    Args:
        connection: A database with the lake's views `events` and `items`.
        cutoffs: Timezone-aware instants, in any order; repeats count once.
        features: Which features, in the order of the columns.
        shop: Time zone and currency rates; the default is UTC and one currency.

    Returns:
        One row per cut-off and customer with a completed order before it: `customer_id` (str),
        `cutoff_us`, then each feature as float64 without gaps (undefined values are the
        feature's default). Sorted by cut-off, then customer; the same input gives the same bits.

    Raises:
        DataError: No cut-off, or orders in a currency without a rate.
        ConfigError: A cut-off is naive.
    """
    instants = sorted({to_us(cutoff) for cutoff in cutoffs})
    if not instants:
        raise DataError("features need at least one cut-off, got none.")
    shop = shop or Shop()
    rates = _rates(connection, shop, before_us=instants[-1])
    frame = connection.execute(
        feature_query(features),
        {
            "cutoffs": instants,
            "currencies": list(rates),
            "rates": list(rates.values()),
            "timezone": shop.timezone,
        },
    ).df()
    return frame.astype({c.CUSTOMER_ID: object, c.CUTOFF_US: "int64"})


def feature_query(features: Sequence[Feature]) -> str:
    """Return the SQL of `feature_frame`; its parameters are those of the relations."""
    aggregates = {
        relation: ",\n        ".join(
            f"{one.sql} AS {one.name}" for one in features if one.relation == relation
        )
        for relation in ("happened", "tastes")
    }
    parts = [RELATIONS]
    for relation, expressions in aggregates.items():
        # A customer is a row from the first completed order on; tastes only add columns.
        having = "HAVING count(*) FILTER (is_order) > 0" if relation == "happened" else ""
        listed = f", {expressions}" if expressions else ""
        parts.append(
            f"of_{relation} AS (\n    SELECT cutoff_us, customer_id{listed}\n"  # noqa: S608  # ours
            f"    FROM {relation}\n    GROUP BY cutoff_us, customer_id\n    {having}\n)"
        )
    values = "".join(
        f",\n    CAST(coalesce({one.name}, {one.default!r}) AS DOUBLE) AS {one.name}"
        for one in features
    )
    return (
        f"WITH {','.join(parts)}\nSELECT customer_id, cutoff_us{values}\n"
        "FROM of_happened LEFT JOIN of_tastes USING (cutoff_us, customer_id)\n"
        "ORDER BY cutoff_us, customer_id"
    )


def content_digest(frame: pd.DataFrame) -> str:
    """Return a hash of a frame's columns and values; the order of rows counts."""
    hashed = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    weighted = hashed * (2 * np.arange(len(hashed), dtype=np.uint64) + 1)
    return digest(list(frame.columns), len(frame), int(hashed.sum()), int(weighted.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFiles:
    """Features of one instant on disk: `features.parquet` and `manifest.json` in `folder`."""

    folder: Path
    manifest: dict[str, object]
    is_new: bool

    @property
    def parquet(self) -> Path:
        """The table, one row per customer."""
        return self.folder / _TABLE


def features_to_parquet(
    frame: pd.DataFrame,
    root: Path,
    *,
    as_of: datetime,
    features: Sequence[Feature],
    event_range_us: tuple[int, int],
) -> FeatureFiles:
    """Write a frame of `feature_frame` below `root`, in a folder named after its content.

    The folder appears whole, by a rename, or not at all; the same content is not written again,
    unless somebody has removed or damaged a file of it.

    Args:
        frame: Features as of one instant.
        root: Where the folders of features are, e.g. `var/features`.
        as_of: The cut-off of the frame.
        features: The definitions behind the columns.
        event_range_us: First and last event that the features could see.
    """
    definitions = definitions_digest(features)
    content = content_digest(frame)
    manifest: dict[str, object] = {
        "as_of": as_of.isoformat(),
        "cutoff_us": to_us(as_of),
        "definitions_digest": definitions,
        "content_digest": content,
        "event_range_us": list(event_range_us),
        "rows": len(frame),
        "features": {
            one.name: {"unit": one.unit, "description": one.description, "default": one.default}
            for one in features
        },
    }
    folder = root / f"{as_of:%Y%m%dT%H%M%S}-{digest(definitions, content, event_range_us)}"
    files = FeatureFiles(folder=folder, manifest=manifest, is_new=not _is_whole(folder, manifest))
    if files.is_new:
        with new_folder(folder) as aside:
            frame.to_parquet(aside / files.parquet.name, index=False)
            text = json.dumps(manifest, indent=1) + "\n"
            (aside / _MANIFEST).write_text(text, encoding="utf-8")
    return files


def _is_whole(folder: Path, manifest: Mapping[str, object]) -> bool:
    """Say whether a folder of this content is there with all that belongs into it."""
    try:
        kept = json.loads((folder / _MANIFEST).read_bytes())
        rows = pq.read_metadata(folder / _TABLE).num_rows
    except (OSError, ValueError, pa.ArrowException):  # missing, or cut off
        return False
    return bool(kept == manifest and rows == manifest["rows"])


def _rates(
    connection: duckdb.DuckDBPyConnection, shop: Shop, *, before_us: int
) -> dict[str, float]:
    """Return what a minor unit is worth, in minor units of the base currency.

    Of each currency that orders before the last cut-off are in.
    """
    found = connection.execute(
        "SELECT DISTINCT currency FROM events"
        " WHERE currency IS NOT NULL AND value_minor IS NOT NULL AND ts_us < $1 ORDER BY 1",
        [before_us],
    ).fetchall()
    used = [str(row[0]) for row in found]
    base = shop.currency or (used[0] if len(used) == 1 else "")
    rates = {base: 1.0, **shop.rates}
    if unknown := [currency for currency in used if currency not in rates]:
        raise DataError(
            f"events are in {used} and there is no rate for {unknown}. Set `currency` (the base) "
            "and `rates` in conf/sendwise.yaml, for example rates: {EUR: 1.08}."
        )
    digits = minor_digits(base)
    return {
        currency: rates[currency] * 10.0 ** (digits - minor_digits(currency)) for currency in used
    }


def _fixed(path: Path) -> tuple[str, str]:
    """Return base currency and time zone of the event log, empty without one."""
    if not path.exists():  # opening it would make it
        return "", ""
    with closing(EventLog(path)) as log:
        return log.currency or "", log.timezone or ""
