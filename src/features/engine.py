"""Runs the batch of features on DuckDB: step by step, and into a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile

import duckdb
import numpy as np
import pandas as pd

from core import columns as c
from core.clock import to_us
from core.ids import digest
from features.batch import Batch, instants_of
from features.columns import Clock
from features.families import Who
from features.feature import Feature, facts_of
from features.registry import PROPENSITY
from features.shop import Shop

Progress = Callable[[str, int, int], None]


def feature_frame(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Sequence[datetime],
    features: Sequence[Feature] = PROPENSITY,
    shop: Shop | None = None,
    who: Who = "bought",
) -> pd.DataFrame:
    """Compute features of all customers as of each cut-off, from events strictly before it.

    Args:
        connection: A database with the lake's views `events` and `items`.
        cutoffs: Timezone-aware instants, in any order; repeats count once.
        features: Which features, in the order of the columns.
        shop: Time zone and currency rates; the default is UTC and one currency.
        who: Has a row for a cut-off: who completed an order before it, or who was seen at all.

    Returns:
        One row per cut-off and customer: `customer_id` (str), `cutoff_us`, then each feature,
        float64 or text, without gaps (undefined values are the feature's default). Sorted by
        cut-off, then customer; the same input gives the same bits.

    Raises:
        DataError: No cut-off, or orders in a currency without a rate.
        ConfigError: A cut-off is naive.
    """
    instants = instants_of(cutoffs)
    batch = Batch(
        features=tuple(features),
        cutoffs=instants,
        clock=clock(connection, shop or Shop(), before_us=instants[-1]),
        who=who,
    )
    with computed(connection, batch) as last:
        frame = connection.execute(f"{last} ORDER BY cutoff_us, customer_id").df()
    return as_frame(frame, features)


def as_frame(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Return a frame of features with the types it has whatever the engine."""
    types = {one.name: "float64" if one.dtype == "float64" else object for one in features}
    return frame.astype({c.CUSTOMER_ID: object, c.CUTOFF_US: "int64", **types})


def shop_facts(
    connection: duckdb.DuckDBPyConnection,
    *,
    as_of: datetime,
    features: Sequence[Feature],
    shop: Shop | None = None,
    who: Who = "bought",
) -> tuple[float | None, ...]:
    """Return what `features` need to know of the shop's customers, in order of `facts_of`.

    Shop-wide means and borders between fifths, as of an instant: a stream reads with them what
    the batch of that instant computes.
    """
    if not facts_of(features):
        return ()
    at_us = to_us(as_of)
    batch = Batch(
        features=tuple(features),
        cutoffs=(at_us,),
        clock=clock(connection, shop or Shop(), before_us=at_us),
        who=who,
    )
    with computed(connection, batch, last="facts") as last:
        return tuple(connection.execute(last).fetchall()[0])


@contextmanager
def computed(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    *,
    last: str = "features",
    progress: Progress | None = None,
) -> Iterator[str]:
    """Compute all steps before the last as temporary tables, and give the query of the last.

    One statement of all steps would hold them all in memory at once; tables can go to disk.
    """

    def step(name: str, query: str) -> str:
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
        return "TABLE"

    with run_steps(connection, batch.steps(), step, progress, last=last) as query:
        yield query


@contextmanager
def run_steps(
    connection: duckdb.DuckDBPyConnection,
    steps: Mapping[str, str],
    step: Callable[[str, str], str],
    progress: Progress | None,
    *,
    last: str = "features",
) -> Iterator[str]:
    """Let `step` make a temporary TABLE or VIEW, it says which, of each step before the last.

    Gives the query of the last. A table goes when no later step names it, in double quotes: memory
    is for the others.
    """
    before = [*takewhile(lambda name: name != last, steps)]
    made: dict[str, str] = {}

    def drop(names: Iterable[str]) -> None:
        for name in names:
            connection.execute(f"DROP {made.pop(name)} temp.{name}")

    try:
        for number, name in enumerate(before):
            (progress or (lambda *_: None))(name, number, len(before) + 1)
            made[name] = step(name, steps[name])
            later = [steps[each] for each in (*before[number + 1 :], last)]
            drop([each for each in made if not any(f'"{each}"' in query for query in later)])
        yield steps[last]
    finally:
        drop([*made])


def clock(connection: duckdb.DuckDBPyConnection, shop: Shop, *, before_us: int) -> Clock:
    """Return what SQL needs of the shop for the events before an instant.

    Raises:
        DataError: There are events in a currency without a rate.
    """
    of_amounts = "WHERE value_minor IS NOT NULL AND ts_us < $1"
    ((first, least, most),) = connection.execute(
        f"SELECT min(ts_us), min(currency) FILTER ({of_amounts}),"  # noqa: S608  # ours
        f" max(currency) FILTER ({of_amounts}) FROM events",
        [before_us],
    ).fetchall()
    first_us = before_us if first is None else min(int(first), before_us)
    used = [] if least is None else [str(least)]
    if least != most:  # hardly a shop has several, and to look for them takes longer
        found = connection.execute(
            f"SELECT DISTINCT currency FROM events {of_amounts} AND currency IS NOT NULL",  # noqa: S608  # ours
            [before_us],
        ).fetchall()
        used = sorted(str(row[0]) for row in found)
    return Clock(
        shop=shop,
        factors=tuple(shop.factors(used).items()),
        changes=tuple(shop.clock_changes(first_us, before_us)),
    )


def content_digest(frame: pd.DataFrame) -> str:
    """Return a hash of a frame's columns and values; the order of rows counts."""
    hashed = pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64)
    weighted = hashed * (2 * np.arange(len(hashed), dtype=np.uint64) + 1)
    return digest(list(frame.columns), len(frame), int(hashed.sum()), int(weighted.sum()))
