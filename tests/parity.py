"""The same features by batch and by stream: both computed, and what `the same` means."""

from __future__ import annotations

import atexit
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from core.clock import to_us
from features.batch import Batch
from features.context import Context
from features.engine import feature_frame, shop_facts
from features.feature import Feature
from features.formula import Around, Formula, Read, Trait
from features.kinds.gaps import TAIL
from features.measures import Clock
from features.outside import Known
from features.registry import REGISTRY
from features.row import Happening
from features.shop import Shop
from features.stream import State, Stream, Values
from ingest.contract import CUSTOMERS, EVENTS, ITEMS
from tests.features.conftest import NOW, TRAITS, Happened, customers_of, happenings, rows_of

FIRST: Final = datetime(2023, 3, 5, tzinfo=UTC)
LAST: Final = FIRST + timedelta(days=403)  # behind the change of clocks on 31 March 2024
_BUSY: Final = datetime(2024, 3, 29, tzinfo=UTC)  # around it: many events in few hours
EXCHANGING: Final = Shop(
    timezone="Europe/Berlin", currency="EUR", rates={"USD": 0.9, "JPY": 0.0065, "KWD": 3.0}
)
_TOLERANCE: Final = 1e-9
Log = list[Happened]
Cutoffs = tuple[datetime, ...]


def shown(value: Formula, *, unit: str = "", name: str = "") -> Feature:
    """Return a feature that shows a formula; its default is no value that data give."""
    is_text = isinstance(value, Trait) or (isinstance(value, Read | Around) and value.text)
    return Feature(
        name=name, value=value, unit=unit, description=".", default="(null)" if is_text else -7.5
    )


def numbered(values: Iterable[Formula | Feature]) -> tuple[Feature, ...]:
    """Return formulas as features `f0`, `f1` and so on."""
    found = []
    for number, value in enumerate(values):
        one = value if isinstance(value, Feature) else shown(value)
        found.append(
            Feature(
                name=f"f{number}",
                value=one.value,
                unit=one.unit,
                description=repr(one.value),
                default=one.default,
            )
        )
    return tuple(found)


class Twins:
    """Features computed both ways; the SQL of the batch is compiled once for given cut-offs."""

    def __init__(
        self,
        values: Iterable[Formula | Feature],
        *,
        shop: Shop = EXCHANGING,
        span_us: tuple[int, int] = (to_us(FIRST), to_us(LAST)),
        context: Context | None = None,
    ) -> None:
        given = tuple(values)
        whole = [one for one in given if isinstance(one, Feature) and one.name]
        self.features = tuple(whole) if len(whole) == len(given) else numbered(given)
        self.shop, self.span_us = shop, span_us
        self.stream = Stream(self.features, shop)
        self._context, self._around = context, context.surroundings() if context else {}
        self._compiled: dict[tuple[int, ...], dict[str, str]] = {}

    def _steps(self, cutoffs: tuple[int, ...]) -> dict[str, str]:
        if cutoffs in self._compiled:
            return self._compiled[cutoffs]
        used = sorted({self.shop.currency, *self.shop.rates})
        batch = Batch(
            features=self.features,
            cutoffs=cutoffs,
            clock=Clock(
                shop=self.shop,
                factors=tuple(self.shop.factors(used).items()),
                changes=tuple(self.shop.clock_changes(*self.span_us)),
            ),
            who="seen",
        )
        self._compiled[cutoffs] = batch.steps()
        return self._compiled[cutoffs]

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, cutoffs: Sequence[int], last: str
    ) -> list[tuple[Any, ...]]:
        steps = self._steps(tuple(sorted(cutoffs)))
        before = ",\n".join(
            f"{name} AS ({steps[name]})" for name in [*steps][: [*steps].index(last)]
        )
        query = f"WITH {before} SELECT * FROM ({steps[last]})"  # noqa: S608  # ours
        return [tuple(row) for row in connection.execute(query).fetchall()]

    def batch(
        self, connection: duckdb.DuckDBPyConnection, cutoffs: Sequence[int]
    ) -> dict[tuple[int, str], Values]:
        """Return the values by cut-off and customer, of the connection's tables."""
        rows = self._rows(connection, cutoffs, "features")
        return {(int(at), str(who)): tuple(values) for who, at, *values in rows}

    def facts(
        self, connection: duckdb.DuckDBPyConnection, cutoffs: Sequence[int]
    ) -> dict[int, tuple[float | None, ...]]:
        """Return what is known of the shop as of each of several cut-offs."""
        return {int(at): tuple(facts) for at, *facts in self._rows(connection, cutoffs, "facts")}

    def prove(self, rows: Sequence[Happened], cutoffs: Sequence[datetime], seed: int) -> None:
        """Check that batch and stream agree, however the events arrive."""
        events, items = rows_of(rows)
        instants = [to_us(cutoff) for cutoff in cutoffs]
        connection = _scratch()
        connection.register("events", pa.Table.from_pylist(events, schema=EVENTS))
        connection.register("items", pa.Table.from_pylist(items, schema=ITEMS))
        random = Random(seed)  # noqa: S311  # a shuffle that the seed repeats
        people = happenings(events, items)
        outside = self._outside(connection, people, random)
        expected = self.batch(connection, instants)
        assert set(expected) == {
            (at, who) for at in instants for who, of in people.items() if _is_seen(of, at)
        }
        for (at, who), values in expected.items():
            past = {ident: each for ident, each in people[who].items() if each.ts_us < at}
            for state in self._states(past, random):
                got = self.stream.read(state, at, outside=outside[who])
                assert_same(self.features, values, got, where=f"{who} at {at}")

    def _outside(
        self, connection: duckdb.DuckDBPyConnection, people: Iterable[str], random: Random
    ) -> dict[str, Known]:
        """Give customers traits, all but a few; return what no event says of each."""
        traits = {who: random.choice(TRAITS) for who in people}
        known = {who: given for who, given in traits.items() if given is not None}
        connection.register("customers", customers_of(known))
        if self._context:
            connection.register("context", self._context.table)
        return {who: Known(traits=known.get(who, {}), context=self._around) for who in traits}

    def _states(self, past: Mapping[str, Happening], random: Random) -> list[State]:
        """Return the state of events in order, and that of events as they may arrive."""
        stream = self.stream
        in_order, arrived = stream.replay(past.values()), _arrived(stream, past, random)
        assert not stream.is_stale(in_order)
        if not stream.is_stale(arrived):
            return [in_order, arrived, stream.unpack(stream.pack(arrived))]
        assert len(past) > TAIL  # an event finds its place among so few
        return [in_order, stream.unpack(stream.pack(in_order))]


def worked_out(
    rows: Sequence[Happened], *features: str, shop: Shop | None = None, at: datetime = NOW
) -> dict[str, dict[str, float | str]]:
    """Return registered features by customer, from the batch once the stream gives the same."""
    chosen = [one for one in REGISTRY if one.name in features]
    assert len(chosen) == len(features)
    events, items = rows_of(rows)
    with duckdb.connect() as connection:
        connection.register("events", pa.Table.from_pylist(events, schema=EVENTS))
        connection.register("items", pa.Table.from_pylist(items, schema=ITEMS))
        connection.register("customers", CUSTOMERS.empty_table())
        frame = feature_frame(connection, cutoffs=[at], features=chosen, shop=shop, who="seen")
        facts = shop_facts(connection, as_of=at, features=chosen, shop=shop, who="seen")
    people, stream = happenings(events, items), Stream(chosen, shop)
    found = {}
    for who, _, *values in frame.itertuples(index=False):
        past = [each for each in people[who].values() if each.ts_us < to_us(at)]
        got = stream.read(stream.replay(past), to_us(at), facts)
        assert_same(chosen, tuple(values), got, where=who)
        found[who] = dict(zip((one.name for one in chosen), values, strict=True))
    return found


@cache
def _scratch() -> duckdb.DuckDBPyConnection:
    """One database for all examples: to open one takes longer than to ask it."""
    connection = duckdb.connect(config={"threads": 1})
    atexit.register(_scratch.cache_clear)
    return connection


def _is_seen(of: Mapping[str, Happening], at: int) -> bool:
    return any(each.ts_us < at and not each.is_machine for each in of.values())


def _arrived(stream: Stream, past: Mapping[str, Happening], random: Random) -> State:
    """Fold events in any order, some of them twice, into states that are merged at last."""
    idents = [*past, *random.sample([*past], len(past) // 4)]
    random.shuffle(idents)
    states = [State() for _ in range(random.randint(1, 3))]
    known: set[str] = set()  # the log drops what it has seen
    for ident in idents:
        if ident not in known:
            known.add(ident)
            stream.fold(random.choice(states), past[ident])
    first, *others = states
    for other in others:
        before = stream.pack(other)
        stream.merge(first, other)
        assert stream.pack(other) == before
    return first


def assert_same(features: Sequence[Feature], batch: Values, stream: Values, *, where: str) -> None:
    """Check that two rows of features are equal, as far as floats can be."""
    apart = [
        f"{one.name} ({one.description}): batch {left!r}, stream {right!r}"
        for one, left, right in zip(features, batch, stream, strict=True)
        if not is_same(one, left, right)
    ]
    assert not apart, f"{where}: " + "; ".join(apart)


def is_same(one: Feature, left: float | str, right: float | str) -> bool:
    """Say whether two values are equal: texts as they are, hours around the clock."""
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    if one.unit == "hour of the day":
        apart = abs(left - right)
        return min(apart, 24.0 - apart) <= _TOLERANCE
    small = _TOLERANCE if one.unit == "nats" else 0.0
    return math.isclose(left, right, rel_tol=_TOLERANCE, abs_tol=small)


_DAY_S: Final = 86_400
INSTANTS: Final = st.one_of(
    st.integers(0, 403 * _DAY_S).map(lambda second: FIRST + timedelta(seconds=second)),
    st.integers(0, 403).map(lambda day: FIRST + timedelta(days=day)),
    st.integers(0, 500).map(lambda tens: _BUSY + timedelta(minutes=10 * tens)),
)
# One cut-off alone is another query than several; events lie around these, and upon them.
CUTOFFS: Final = st.sampled_from(
    [
        (_BUSY + timedelta(days=2, hours=1, minutes=30),),
        (datetime(2024, 1, 15, tzinfo=UTC), _BUSY + timedelta(days=1, minutes=10), LAST),
    ]
)
SEEDS: Final = st.integers(0, 2**32)
_AMOUNTS: Final = st.one_of(st.none(), st.integers(-9_999, 9_999), st.sampled_from([0, 5, 15, -5]))
_SUMS: Final = st.one_of(st.none(), st.integers(0, 9_999))
_PATHS: Final = (
    "SHOES/BOOTS",
    " SHOES /SANDALS",
    "SHOES",
    "BAGS",
    "Ärmel/Ä",
    "/HATS",
    " ",
    "",
    None,
)


def logs(*events: str, least: int = 6, most: int = 30) -> st.SearchStrategy[Log]:
    """Return logs of two customers and a guest; machines have no lines, as in every source."""
    named = st.sampled_from([*events, "Somebody's Own Event"])
    common = {
        "event": named,
        "at": INSTANTS,
        "customer": st.sampled_from(["ann", "ann", "bob", None]),
    }
    human = st.builds(
        Happened,
        **common,
        value=_AMOUNTS,
        discount=_SUMS,
        lines=st.lists(st.sampled_from(_PATHS), max_size=3).map(tuple),
        products=st.lists(st.sampled_from(["p1", "p2", " p3", "ö", None]), max_size=3).map(tuple),
        brand=st.sampled_from(["Acme", " Zeta ", "Zeta\u00a0", "", None]),  # a blank that is none
        quantity=st.sampled_from([None, 0, 1, 2]),
        price=st.one_of(st.none(), st.integers(-200, 120_000)),
        currency=st.sampled_from(["EUR", "USD", "JPY", "KWD", None]),
        campaign=st.sampled_from(["spring", " spring", "summer", "", None]),
        device=st.sampled_from(["mobile", "desktop", " ", None]),
        country=st.sampled_from(["DE", "FR", None]),
        region=st.sampled_from(["BE", "", None]),
        city=st.sampled_from(["Berlin", "Ulm", None]),
        is_machine=st.sampled_from([False, None]),
    )
    machine = st.builds(Happened, **common, is_machine=st.sampled_from([True]), lines=st.just(()))
    return st.lists(st.one_of(human, human, human, machine), min_size=least, max_size=most)
