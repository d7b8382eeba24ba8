"""What is measured of the stream: folding, reading, what a state takes, and whether it is right."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from benchmarks.batches import Found
from benchmarks.chosen import AS_OF, SEED, SHOP
from benchmarks.shops import opened
from core.clock import from_us, to_us
from core.settings import Settings
from features import spark
from features.engine import feature_frame, shop_facts
from features.feature import Feature, kinds_of, names
from features.kinds.hours import HourOfDay
from features.kinds.taste import Taste, bound
from features.outside import NOTHING, Known
from features.registry import REGISTRY
from features.row import Happening
from features.shop import Shop
from features.stream import State, Stream

CUSTOMERS: Final = 300
HOUSEHOLDS: Final = 400
Histories = dict[str, list[Happening]]


def narrow(connection: duckdb.DuckDBPyConnection, customers: int, as_of: datetime) -> None:
    """Narrow a lake's views to the events of some customers drawn at random, before a cut-off."""
    found = connection.execute(
        "SELECT DISTINCT customer_id FROM events WHERE customer_id IS NOT NULL AND ts_us < $1"
        " ORDER BY customer_id",
        [to_us(as_of)],
    ).fetchnumpy()["customer_id"]
    drawn = np.random.default_rng(SEED).permutation(found)[:customers]
    connection.register("drawn", pd.DataFrame({"customer_id": drawn.astype(object)}))
    for name in ("events", "items"):
        connection.execute(
            f"CREATE TEMP TABLE narrowed AS SELECT * FROM {name}"  # noqa: S608  # ours
            f" SEMI JOIN drawn USING (customer_id) WHERE ts_us < {to_us(as_of)}"
        )
        connection.execute(f"DROP VIEW {name}")
        connection.execute(f"CREATE TABLE {name} AS FROM narrowed")
        connection.execute("DROP TABLE narrowed")


def histories(connection: duckdb.DuckDBPyConnection) -> Histories:
    """Return each customer's events in the order of time, as the stream sees them."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for item in _rows(connection, "items ORDER BY event_id, position"):
        lines.setdefault(item["event_id"], []).append(item)
    found: Histories = {}
    for event in _rows(connection, "events ORDER BY ts_us, event_id"):
        happening = Happening.of(event, lines.get(event["event_id"], ()))
        found.setdefault(event["customer_id"], []).append(happening)
    return found


def outside(connection: duckdb.DuckDBPyConnection) -> dict[str, Known]:
    """Return what no event says of each customer."""
    return {
        str(row["customer_id"]): Known(traits=json.loads(row["traits"] or "{}"))
        for row in _rows(connection, "customers SEMI JOIN drawn USING (customer_id)")
    }


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> Iterable[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(f"FROM {table}").to_arrow_table().to_pylist()
    return rows


def folded(stream: Stream, of: Histories) -> dict[str, State]:
    """Fold all events of customers into a state each."""
    states = {customer: State() for customer in of}
    for customer, events in of.items():
        state = states[customer]
        for event in events:
            stream.fold(state, event)
    return states


def stream_figures(home: Path, features: Sequence[Feature] = REGISTRY) -> Found:
    """Fold and read some customers of a shop, and compare with the batch over the same events."""
    with opened(home) as connection:
        narrow(connection, CUSTOMERS, AS_OF)
        of, known = histories(connection), outside(connection)
        facts = shop_facts(connection, as_of=AS_OF, features=features, shop=SHOP, who="seen")
        batch = _frame(connection, features)
    stream = Stream(features, SHOP)
    gc.freeze()  # a service does not hold all these events: the collector need not walk them
    folded(stream, of)  # once for nothing: what is looked up by quarter of an hour is kept
    started = perf_counter()
    states = folded(stream, of)
    rate = sum(len(events) for events in of.values()) / (perf_counter() - started)
    _reads(stream, states, facts, known)
    values, micros = _reads(stream, states, facts, known)
    gc.unfreeze()
    return {
        "fold": rate,
        "read": float(np.mean(micros)),
        "read_p99": float(np.percentile(micros, 99)),
        "difference": max(
            difference(features, values[customer], row, short_by(features, states[customer]))
            for customer, row in zip(batch.index, batch.to_numpy().tolist(), strict=True)
        ),
    }


def _reads(
    stream: Stream,
    states: Mapping[str, State],
    facts: Sequence[float | None],
    known: Mapping[str, Known],
) -> tuple[dict[str, Sequence[Any]], list[float]]:
    """Return what is read of each state, and how many microseconds each reading took."""
    values: dict[str, Sequence[Any]] = {}
    micros, at = [], to_us(AS_OF)
    for customer, state in states.items():
        besides = known.get(customer, NOTHING)
        started = perf_counter()
        values[customer] = stream.read(state, at, facts, besides)
        micros.append((perf_counter() - started) * 1e6)
    return values, micros


def _frame(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> pd.DataFrame:
    frame = feature_frame(connection, cutoffs=[AS_OF], features=features, shop=SHOP, who="seen")
    return frame.set_index("customer_id")[names(features)]


def short_by(features: Sequence[Feature], state: State) -> dict[str, float]:
    """Return the features of tastes above their cap, with what shares may be short by."""
    slots = {kind: slot for slot, kind in enumerate(kinds_of(features))}
    found = {}
    for one in features:
        for kind in {read.kind for read in one.reads}:
            part = state.parts.get(slots[kind])
            if part is not None and isinstance(kind, Taste) and bound(part):
                found[one.name] = bound(part)
    return found


def difference(
    features: Sequence[Feature],
    values: Sequence[Any],
    expected: Sequence[Any],
    short: Mapping[str, float] = MappingProxyType({}),
) -> float:
    """Return how far one customer's features are from those expected, at the worst.

    Relative, but absolute for circular means and entropies; two texts that differ are 1 apart.
    Of tastes above their cap, named in `short`, only shares are compared: texts, number and
    entropy are then of the keys that are left. What shares may be short by is no difference.
    """
    worst = 0.0
    for one, value, known in zip(features, values, expected, strict=True):
        if value == known or (one.name in short and one.unit != "share"):
            continue
        if value is None or known is None or isinstance(known, str):
            return 1.0
        apart = max(abs(value - known) - short.get(one.name, 0.0), 0.0)
        turns = any(isinstance(read.kind, HourOfDay) for read in one.reads)
        absolute = turns or one.unit == "nats" or not known
        worst = max(worst, apart if absolute else apart / abs(known))
    return float(worst)


def spark_figures(home: Path) -> Found:
    """Compare Spark with DuckDB, every feature of some customers of a shop."""
    with opened(home) as connection:
        narrow(connection, CUSTOMERS, AS_OF)
        tables = {
            name: [connection.sql(f"FROM {name}").to_arrow_table()]
            for name in ("events", "items", "customers")
        }
        expected = _frame(connection, REGISTRY)
    with spark.session() as session:
        spark.register(session, tables)
        found = spark.feature_frame(
            session, cutoffs=[AS_OF], features=REGISTRY, shop=SHOP, who="seen"
        ).set_index("customer_id")[names(REGISTRY)]
    if found.index.tolist() != expected.index.tolist():
        return {"difference": 1.0}
    rows = zip(found.to_numpy().tolist(), expected.to_numpy().tolist(), strict=True)
    return {"difference": max(difference(REGISTRY, one, other) for one, other in rows)}


def state_figures(home: Path) -> Found:
    """Measure the packed states of some households of the Complete Journey."""
    stream = Stream(REGISTRY, Shop.of(Settings(home=home)))
    with opened(home) as connection:
        last = connection.execute("SELECT max(ts_us) FROM events").fetchall()[0][0]
        narrow(connection, HOUSEHOLDS, from_us(last + 1))
        states = folded(stream, histories(connection))
    sizes = [len(stream.pack(state)) / 1_000 for state in states.values()]
    return {"median": float(np.median(sizes)), "p99": float(np.percentile(sizes, 99))}
