"""Write every customer's features as of one instant to Parquet, for notebooks and other tools."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import duckdb

from core.clock import DAY, DAY_US, EPOCH, MICROSECOND, from_us, to_us
from core.errors import ConfigError, NotEnoughDataError, UnavailableError
from core.settings import Settings
from features import spark
from features.batch import TABLES_READ, Batch
from features.columns import Clock
from features.context import Context
from features.daily import Daily
from features.feature import Feature
from features.parquet import FeatureFiles, Writer, features_to_parquet
from features.registry import REGISTRY
from features.shop import Shop
from features.warehouse import statement
from ingest.book import events_before
from ingest.contract import EVENT_NAMES
from ingest.lake import Part, opened, parts, refuse_damaged
from pipelines.learnable import learnable
from pipelines.outcome import Outcome, StepBars
from privacy.consent import MODEL_TRAINING

# A build for a day so long after the last event is a mistake: the wrong --as-of, or no import.
_LATEST: Final = timedelta(days=31)
_CLOCK_CHANGES: Final = 3_653 * DAY  # a printed query knows the changes of the last ten years
_WHERE: Final = {"duckdb": "written to ", "spark": "computed on Spark at {}, written to "}
_QUANTILES: Final = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}


def build_features(settings: Settings, *, as_of: datetime, daily: bool = False) -> Outcome:
    """Compute every feature as of `as_of` and keep them in `features/` of the workspace.

    Whoever was seen before has a row. Customers without consent to `model_training` are left out,
    as the file is there to learn from. A daily build goes on from what the one before has kept
    in `features/state`, where that gives the same, and keeps what the next goes on from.

    Raises:
        NotReadyError: Nothing has been imported.
        NotEnoughDataError: No event lies before `as_of`, or none in the month before it.
        DataError: The table of context breaks its contract, or a file of the lake is damaged.
        ConfigError: Spark is to compute them, and there is none, or the build is a daily one;
            a daily one is not as of a midnight.
        UnavailableError: Spark does not start, or stops on the way.
    """
    started = time.monotonic()
    context = Context.of(settings)
    features = (*REGISTRY, *(context.features if context else ()))
    tables = parts(settings.home)
    with closing(opened(tables)) as connection:
        event_range, events = _events(connection, as_of)
        seen = _customers_seen(connection, as_of=as_of)
        kept = _daily(settings, connection, tables, as_of) if daily else None
        with _engine(settings, tables, context, kept) as write:
            files = _computed(settings, connection, context, features, event_range, write, as_of)
        rows = _summary(connection, files, features)
        there = _in_context(connection, files) if context else None
    seconds = time.monotonic() - started
    customers = int(str(files.manifest["rows"]))
    who = "1 customer" if customers == 1 else f"{customers:,} customers"
    notes = [f"Left out, without consent to {MODEL_TRAINING}: {seen - customers:,}."]
    if there is not None:
        notes.append(f"The context has a row for the day and place of {there:,} of {who}.")
    notes += [
        *([_went_on_from(kept)] if kept else []),
        f"{events:,} events in {seconds:.1f} s",
        f"{_WHERE[settings.features_engine].format(settings.spark_master)}{files.parquet}",
    ]
    return Outcome(
        title=f"{len(features)} features of {who} as of {as_of:%Y-%m-%d}",
        data={
            "path": str(files.parquet),
            "customers": customers,
            "left_out": seen - customers,
            "events": events,
            "seconds": round(seconds, 1),
            "went_on_from": kept.since.isoformat() if kept and kept.since else None,
            **files.manifest,
        },
        columns=("feature", "unit", "mean", *_QUANTILES),
        rows=rows,
        notes=notes,
        status="done" if files.is_new else "unchanged",
    )


def _daily(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Sequence[Part]],
    as_of: datetime,
) -> Daily:
    if to_us(as_of) % DAY_US:
        raise ConfigError(
            f"a daily build is as of a midnight, UTC, and {as_of:%Y-%m-%dT%H:%M} is none: on a day "
            f"that is not over events still come in. Give --as-of {as_of:%Y-%m-%d}, or no --as-of."
        )
    if settings.features_engine != "duckdb":
        raise ConfigError(
            f"a daily build is DuckDB's, and features_engine is {settings.features_engine}. "
            "Leave out --daily, or set features_engine: duckdb."
        )
    folder = settings.home / "features" / "state"
    return Daily(
        connection=connection, folder=folder, seen=partial(events_before, tables["events"])
    )


def _went_on_from(daily: Daily) -> str:
    if daily.since is None:
        return (
            "built in full: nothing was kept by a daily build of the six days before, or features,"
            " settings or earlier events have changed since"
        )
    return f"went on from what the build of {daily.since:%Y-%m-%d} had kept"


@contextmanager
def _engine(
    settings: Settings,
    tables: Mapping[str, Sequence[Part]],
    context: Context | None,
    daily: Daily | None,
) -> Iterator[Writer | None]:
    """Give what computes the rows; None is DuckDB, from all events."""
    if settings.features_engine == "duckdb":
        yield daily
        return
    with spark.session(settings.spark_master) as session:
        spark.register(session, {name: tables[name] for name in TABLES_READ})
        if context:
            session.createDataFrame(context.table).createOrReplaceTempView("context")
        try:
            yield partial(spark.features_to_file, session)
        except UnavailableError:
            refuse_damaged(settings.home)
            raise


def _computed(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    context: Context | None,
    features: Sequence[Feature],
    event_range: tuple[int, int],
    write: Writer | None,
    as_of: datetime,
) -> FeatureFiles:
    shop = Shop.of(settings)
    if context:
        connection.register("context", context.table)
    with StepBars() as progress:

        def step(_: str, done: int, total: int) -> None:
            progress("computing features", done, total)

        if isinstance(write, Daily):
            write.progress = step
        return features_to_parquet(
            connection,
            settings.home / "features",
            as_of=as_of,
            features=features,
            event_range_us=event_range,
            shop=shop,
            customers=sorted(learnable(settings, connection, as_of=as_of)),
            also=_of_context(context, shop, as_of),
            write=write,
            progress=step,
        )


def _of_context(context: Context | None, shop: Shop, as_of: datetime) -> dict[str, object]:
    """Return what the manifest says of the context: the day, and a hash of the file."""
    if not context:
        return {}
    day = EPOCH + shop.local_us(to_us(as_of)) // DAY_US * DAY
    return {"context_day": f"{day:%Y-%m-%d}", "context_digest": context.digest}


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
    printed = statement(batch, dialect)
    if settings.context:
        return f"-- left out: the features of the context, {settings.context}\n{printed}"
    return printed


def _summary(
    connection: duckdb.DuckDBPyConnection, files: FeatureFiles, features: Sequence[Feature]
) -> list[list[object]]:
    """Say of each number its mean and quantiles, of each text what is most common."""
    parts = []
    for one in features:
        if one.dtype == "string":
            parts.append(f"[NULL, NULL, mode(nullif({one.name}, '')), NULL]")
        else:
            quantiles = [f"quantile_cont({one.name}, {share})" for share in _QUANTILES.values()]
            parts.append(f"[avg({one.name}), {', '.join(quantiles)}]")
    found = connection.execute(
        f"SELECT {', '.join(parts)} FROM read_parquet($1)",  # noqa: S608  # names of ours
        [str(files.parquet)],
    ).fetchall()[0]
    return [[one.name, one.unit, *values] for one, values in zip(features, found, strict=True)]


def _in_context(connection: duckdb.DuckDBPyConnection, files: FeatureFiles) -> int:
    """Return how many customers are in a place of which the context has a row for that day."""
    found = connection.execute(
        "SELECT count(*) FROM read_parquet($1) AS f WHERE EXISTS (SELECT 1 FROM context AS x"
        " WHERE x.day = CAST($2 AS DATE) - DATE '1970-01-01' AND x.country = f.country"
        " AND x.region IN ('', f.region) AND x.city IN ('', f.city))",
        [str(files.parquet), files.manifest["context_day"]],
    ).fetchall()
    return int(found[0][0])


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
