"""Write every customer's features as of one instant to Parquet, for notebooks and other tools."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final

import duckdb

from core.clock import DAY, MICROSECOND, from_us, to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.batch import Batch
from features.columns import Clock
from features.engine import FeatureFiles, features_to_parquet
from features.registry import REGISTRY
from features.shop import Shop
from features.warehouse import statement
from ingest.contract import EVENT_NAMES
from ingest.lake import connect
from pipelines.learnable import learnable
from pipelines.outcome import Outcome, StepBars
from privacy.consent import MODEL_TRAINING

# A build for a day so long after the last event is a mistake: the wrong --as-of, or no import.
_LATEST: Final = timedelta(days=31)
_CLOCK_CHANGES: Final = 3_653 * DAY  # a printed query knows the changes of the last ten years
_QUANTILES: Final = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}


def build_features(settings: Settings, *, as_of: datetime) -> Outcome:
    """Compute every feature as of `as_of` and keep them in `features/` of the workspace.

    Whoever was seen before has a row. Customers without consent to `model_training` are left out,
    as the file is there to learn from.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: No event lies before `as_of`, or none in the month before it.
    """
    started = time.monotonic()
    with closing(connect(settings.home)) as connection:
        event_range, events = _events(connection, as_of)
        seen = _customers_seen(connection, as_of=as_of)
        allowed = sorted(learnable(settings, connection, as_of=as_of))
        with StepBars() as progress:
            files = features_to_parquet(
                connection,
                settings.home / "features",
                as_of=as_of,
                features=REGISTRY,
                event_range_us=event_range,
                shop=Shop.of(settings),
                customers=allowed,
                progress=lambda _, done, total: progress("computing features", done, total),
            )
        rows = _summary(connection, files)
    seconds = time.monotonic() - started
    customers = int(str(files.manifest["rows"]))
    who = "1 customer" if customers == 1 else f"{customers:,} customers"
    return Outcome(
        title=f"{len(REGISTRY)} features of {who} as of {as_of:%Y-%m-%d}",
        data={
            "path": str(files.parquet),
            "customers": customers,
            "left_out": seen - customers,
            "events": events,
            "seconds": round(seconds, 1),
            **files.manifest,
        },
        columns=("feature", "unit", "mean", *_QUANTILES),
        rows=rows,
        notes=[
            f"Left out, without consent to {MODEL_TRAINING}: {seen - customers:,}.",
            f"{events:,} events in {seconds:.1f} s",
            f"written to {files.parquet}",
        ],
        status="done" if files.is_new else "unchanged",
    )


def features_sql(settings: Settings, *, as_of: datetime, dialect: str) -> str:
    """Return the query of every feature as of an instant, for an engine of one's own.

    Raises:
        ConfigError: There is no such dialect.
    """
    shop = Shop.of(settings)
    at_us = to_us(as_of)
    currencies = sorted({shop.currency, *shop.rates}) if shop.rates else []
    batch = Batch(
        features=REGISTRY,
        cutoffs=(at_us,),
        clock=Clock(
            shop=shop,
            factors=tuple(shop.factors(currencies).items()),
            changes=tuple(shop.clock_changes(at_us - _CLOCK_CHANGES // MICROSECOND, at_us)),
        ),
        who="seen",
    )
    return statement(batch, dialect)


def _summary(connection: duckdb.DuckDBPyConnection, files: FeatureFiles) -> list[list[object]]:
    """Say of each number its mean and quantiles, of each text what is most common."""
    parts = []
    for one in REGISTRY:
        if one.dtype == "string":
            parts.append(f"[NULL, NULL, mode(nullif({one.name}, '')), NULL]")
        else:
            quantiles = [f"quantile_cont({one.name}, {share})" for share in _QUANTILES.values()]
            parts.append(f"[avg({one.name}), {', '.join(quantiles)}]")
    found = connection.execute(
        f"SELECT {', '.join(parts)} FROM read_parquet($1)",  # noqa: S608  # names of ours
        [str(files.parquet)],
    ).fetchall()[0]
    return [[one.name, one.unit, *values] for one, values in zip(REGISTRY, found, strict=True)]


def _events(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> tuple[tuple[int, int], int]:
    """Return first and last event before an instant, and how many there are."""
    first, last, number = connection.execute(
        "SELECT min(ts_us), max(ts_us), count(*) FROM events"
        " WHERE ts_us < $1 AND customer_id IS NOT NULL",
        [to_us(as_of)],
    ).fetchall()[0]
    if not number:
        raise NotEnoughDataError(
            f"no event of a known customer lies before {as_of:%Y-%m-%d}. "
            "Give a later --as-of, or import more."
        )
    if as_of - from_us(last) > _LATEST:
        raise NotEnoughDataError(
            f"the data end on {from_us(last):%Y-%m-%d}, more than {_LATEST // DAY} days before "
            f"{as_of:%Y-%m-%d}: every feature would say that nobody comes any more. Give "
            f"--as-of {from_us(last) + DAY:%Y-%m-%d}, or import what has happened since."
        )
    return (int(first), int(last)), int(number)


def _customers_seen(connection: duckdb.DuckDBPyConnection, *, as_of: datetime) -> int:
    """Return how many known customers did anything before an instant."""
    found = connection.execute(
        "SELECT count(DISTINCT customer_id) FROM events WHERE ts_us < $1"
        " AND NOT coalesce(is_machine, false) AND event IN (SELECT unnest($2))",
        [to_us(as_of), list(EVENT_NAMES)],
    ).fetchall()
    return int(found[0][0])
