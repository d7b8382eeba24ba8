"""Runs the batch of features on DuckDB: step by step, and into a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from core import columns as c
from core.clock import DAY_US, to_us
from core.ids import digest
from features.batch import Batch, instants_of
from features.columns import Clock
from features.families import Who
from features.feature import Feature, facts_of
from features.registry import PROPENSITY
from features.shop import Shop

Progress = Callable[[str, int, int], None]
_DAYS_AT_ONCE: Final = 31


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


def features_at(
    connection: duckdb.DuckDBPyConnection,
    asked: pd.DataFrame,
    *,
    features: Sequence[Feature],
    shop: Shop | None = None,
    advance: Callable[[int], object] = lambda rows: None,
) -> pd.DataFrame:
    """Compute features of single customers as of single days, such as those of mailings.

    Of a day only what was before its midnight (UTC) is known, as the nightly batch knows it: an
    answer to a mail of that day cannot leak. Days are computed a month at a time, so that memory
    does not grow with their number.

    Args:
        connection: A database with the lake's views `events` and `items`.
        asked: `customer_id` and `ts_us`, in any order; repeats are answered each.
        features: Which features, in the order of the columns.
        shop: Time zone and currency rates.
        advance: Called with the number of rows that are done.

    Returns:
        The rows of `asked`, index and all, with the features beside them; a customer of whom
        nothing was known before that day has each feature's default.
    """
    days = asked["ts_us"] // DAY_US * DAY_US
    every = sorted(days.unique().tolist())
    parts = [asked.iloc[:0]]
    for start in range(0, len(every), _DAYS_AT_ONCE):
        rows = asked[days.isin(every[start : start + _DAYS_AT_ONCE])]
        parts.append(_answered(connection, rows, days[rows.index], features, shop or Shop()))
        advance(len(rows))
    names = [one.name for one in features]
    return pd.concat(parts).reindex(asked.index).reindex(columns=[*asked.columns, *names])


def _answered(
    connection: duckdb.DuckDBPyConnection,
    rows: pd.DataFrame,
    days: pd.Series[int],
    features: Sequence[Feature],
    shop: Shop,
) -> pd.DataFrame:
    wanted = pd.DataFrame({c.CUSTOMER_ID: rows[c.CUSTOMER_ID], c.CUTOFF_US: days})
    instants = tuple(sorted(days.unique().tolist()))
    known = clock(connection, shop, before_us=instants[-1])
    batch = Batch(features=tuple(features), cutoffs=instants, clock=known, who="seen")
    connection.register("wanted", wanted)
    try:
        with computed(connection, batch) as last:
            pairs = "SEMI JOIN wanted USING (customer_id, cutoff_us)"
            found = connection.execute(f"SELECT * FROM ({last}) {pairs}").df()  # noqa: S608  # ours
    finally:
        connection.unregister("wanted")
    keys = [c.CUSTOMER_ID, c.CUTOFF_US]
    joined = wanted.merge(as_frame(found, features), on=keys, how="left", validate="many_to_one")
    defaults = {one.name: one.default for one in features}
    return rows.join(joined.drop(columns=keys).set_axis(rows.index).fillna(defaults))


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
