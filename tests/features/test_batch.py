from __future__ import annotations

from datetime import timedelta
from random import Random

import duckdb
import pytest

from core.clock import to_us
from features.batch import Batch, sql
from features.columns import Clock
from features.definitions.orders import RECENCY_DAYS
from features.feature import names
from features.formula import ShopMean
from features.kinds.decayed import Decayed
from features.kinds.hours import HourOfDay
from features.kinds.tally import Tally
from features.measures import ONE
from features.registry import REGISTRY
from features.shop import Shop
from features.stream import Values
from ingest.contract import EVENT_NAMES, ORDER_COMPLETED
from tests.features.conftest import NOW, Happened, Lake
from tests.parity import EXCHANGING, shown

DAY = timedelta(days=1)
BEFORE = NOW - 40 * DAY
CUTOFFS = (to_us(BEFORE), to_us(NOW))
FIRST = NOW - 400 * DAY


def anything(random: Random, number: int, who: str) -> Happened:
    """Return an event of any name, at any time around the cut-offs, with anything in it."""
    size = random.choice((0, 1, 1, 2, 3))
    return Happened(
        ident=f"e{number}",
        customer=who,
        event=random.choice(EVENT_NAMES),
        at=FIRST + timedelta(seconds=random.randrange(430 * 86_400) // 900 * 900),
        value=random.choice((None, random.randrange(-500, 9_999))),
        discount=random.choice((None, 0, random.randrange(500))),
        lines=tuple(random.choice((*"ABCDEFG", "A/B", None)) for _ in range(size)),
        brand=random.choice(("Acme", "Zeta", None)),
        quantity=random.choice((None, 1, 2)),
        price=random.choice((None, random.randrange(99_999))),
        currency=random.choice(("EUR", "USD", "JPY")),
        campaign=random.choice(("spring", "summer", None)),
        device=random.choice(("mobile", "desktop", None)),
        country=random.choice(("DE", "FR", None)),
        city=random.choice(("Berlin", None)),
    )


@pytest.fixture(scope="module")
def log() -> list[Happened]:
    """Thirty customers with a hundred events each, a few by machines, and a guest's."""
    random = Random(11)  # noqa: S311  # the same shop every time
    people = [f"c{number % 30}" for number in range(3_000)]
    rows = [anything(random, number, who) for number, who in enumerate(people)]
    guest = Happened(customer=None, at=BEFORE - DAY, ident="guest")
    machine = Happened(customer="c1", at=BEFORE - DAY, ident="m", is_machine=True, lines=())
    return [Happened(customer=f"c{n}", at=FIRST, ident=f"f{n}") for n in range(30)] + [
        *rows,
        guest,
        machine,
    ]


def query(*cutoffs: int) -> str:
    """Return the SQL of all features, on the clock of any part of the log."""
    clock = Clock(
        shop=EXCHANGING,
        factors=tuple(EXCHANGING.factors(["EUR", "JPY", "USD"]).items()),
        changes=tuple(EXCHANGING.clock_changes(to_us(FIRST), CUTOFFS[-1])),
    )
    return sql(Batch(features=REGISTRY, cutoffs=cutoffs, clock=clock, who="seen"))


@pytest.fixture(scope="module")
def together() -> str:
    return query(*CUTOFFS)


def rows(connection: duckdb.DuckDBPyConnection, statement: str) -> set[Values]:
    """Return every row; sets of floats are equal only where each bit is."""
    found = connection.execute(statement).fetchall()
    assert len(found) == len(set(found))
    return set(found)


@pytest.fixture(scope="module")
def whole(lake: Lake, log: list[Happened], together: str) -> set[Values]:
    return rows(lake(log), together)


def test_every_customer_seen_has_every_feature_without_gaps(whole: set[Values]) -> None:
    assert len(whole) == 30 * len(CUTOFFS)
    assert {len(row) for row in whole} == {len(REGISTRY) + 2}
    assert all(value is not None and value == value for row in whole for value in row)


def test_removing_the_future_changes_no_bit_of_any_feature(
    lake: Lake, log: list[Happened], together: str, whole: set[Values]
) -> None:
    past = [row for row in log if row.at < NOW]

    assert len(past) < len(log)
    assert rows(lake(past), together) == whole


def test_the_order_of_rows_changes_no_bit_of_any_feature(
    lake: Lake, log: list[Happened], together: str, whole: set[Values]
) -> None:
    shuffled = Random(3).sample(log, len(log))  # noqa: S311  # the same order every time

    assert rows(lake(shuffled), together) == whole


# These fade to the end of a tile of time and on from there, where there are several cut-offs.
FADING = {
    place + 2
    for place, one in enumerate(REGISTRY)
    if any(isinstance(read.kind, Decayed | HourOfDay) for read in one.reads)
}


@pytest.mark.parametrize("cutoff", CUTOFFS)
def test_a_cutoff_among_others_gives_what_the_cutoff_alone_does(
    lake: Lake, log: list[Happened], whole: set[Values], cutoff: int
) -> None:
    past = [row for row in log if to_us(row.at) < cutoff]  # by the way, the earlier one's, too
    among = {row[0]: row for row in whole if row[1] == cutoff}
    alone = {row[0]: row for row in rows(lake(past), query(cutoff))}

    def bits(row: Values) -> Values:
        return tuple(value for place, value in enumerate(row) if place not in FADING)

    assert {who: bits(row) for who, row in among.items()} == {
        who: bits(row) for who, row in alone.items()
    }
    for who, row in among.items():
        for place in FADING:
            assert row[place] == pytest.approx(alone[who][place], rel=1e-12)


def test_who_says_whether_those_who_never_ordered_have_a_row(lake: Lake) -> None:
    connection = lake(
        [
            Happened(customer="ann", at=NOW - DAY),
            Happened(customer="bob", at=NOW - DAY, event="Product Viewed"),
            Happened(customer="eve", at=NOW - DAY, event="Somebody's Own Event"),
            Happened(customer="bot", at=NOW - DAY, is_machine=True, lines=()),
        ]
    )

    def of(who: str) -> set[object]:
        batch = Batch(
            features=(RECENCY_DAYS,),
            cutoffs=(to_us(NOW),),
            clock=Clock(shop=Shop()),
            who=who,  # type: ignore[arg-type]  # one of the two
        )
        return {row[0] for row in connection.execute(sql(batch)).fetchall()}

    assert of("bought") == {"ann"}
    assert of("seen") == {"ann", "bob", "eve"}  # any event is a sign of somebody


def test_a_shop_s_mean_is_over_the_customers_of_its_own_cutoff(lake: Lake) -> None:
    orders = Tally(ONE, (ORDER_COMPLETED,)).total
    mean = shown(ShopMean(orders, orders * 0.0 + 1.0), name="mean_orders")
    connection = lake(
        [Happened(customer="ann", at=NOW - age * DAY) for age in (60, 50, 45)]
        + [Happened(customer="bob", at=NOW - age * DAY) for age in (55, 10)]
    )
    batch = Batch(features=(mean,), cutoffs=CUTOFFS, clock=Clock(shop=Shop()))

    found = {(who, at): value for who, at, value in connection.execute(sql(batch)).fetchall()}

    assert {found[who, CUTOFFS[0]] for who in ("ann", "bob")} == {2.0}  # (3 + 1) / 2
    assert {found[who, CUTOFFS[1]] for who in ("ann", "bob")} == {2.5}  # (3 + 2) / 2


def test_equal_batches_are_compiled_once_and_what_is_asked_for_can_be_changed() -> None:
    def steps(first_us: int) -> dict[str, str]:
        changes = ((first_us, 3_600_000_000), (CUTOFFS[0], 0))
        clock = Clock(shop=Shop(rates={"USD": 0.9}), changes=changes)
        return Batch(features=(REGISTRY[0],), cutoffs=CUTOFFS, clock=clock).steps()

    first, again = steps(0), steps(7)  # the first event is no part of the query
    assert all(first[name] is again[name] for name in first)
    first.clear()
    assert steps(0) == again


@pytest.mark.parametrize(
    "clock",
    [
        pytest.param(
            Clock(shop=Shop(engagement={"open": 9.0, "click": 2.0, "order": 5.0})), id="weights"
        ),
        pytest.param(Clock(shop=Shop(), factors=(("USD", 0.9),)), id="rates"),
        pytest.param(Clock(shop=Shop(), changes=((0, 3_600_000_000),)), id="another-time-zone"),
        pytest.param(
            Clock(shop=Shop(), changes=((0, 0), (CUTOFFS[0], 3_600_000_000))), id="clocks-changed"
        ),
    ],
)
def test_another_shop_has_another_query(clock: Clock) -> None:
    chosen = [one for one in REGISTRY if one.name in ("engagement_365d", "evening_share_90d")]
    chosen += [one for one in REGISTRY if one.name == "revenue_minor_total"]

    def steps(clock: Clock) -> dict[str, str]:
        return Batch(features=tuple(chosen), cutoffs=CUTOFFS[1:], clock=clock).steps()

    assert steps(clock) != steps(Clock(shop=Shop()))


def test_the_columns_are_the_features_in_their_order(lake: Lake) -> None:
    batch = Batch(
        features=(REGISTRY[5], REGISTRY[0]), cutoffs=(to_us(NOW),), clock=Clock(shop=Shop())
    )
    found = lake([Happened(customer="ann", at=NOW - DAY)]).execute(sql(batch))

    assert found.description is not None
    columns = [column[0] for column in found.description]
    assert columns == ["customer_id", "cutoff_us", *names(batch.features)]
