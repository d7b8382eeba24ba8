from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from features.affinity import DEPARTMENT, affinity, affinity_shares, exact_sum, with_shares
from ingest.contract import ORDER_REFUNDED

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

NOW = datetime(2024, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(timedelta(microseconds=1), 1.0, id="now-counts-whole"),
        pytest.param(WEEK, 0.5, id="one-half-life"),
        pytest.param(3 * WEEK, 0.125, id="three-half-lives"),
    ],
)
def test_weight_halves_every_half_life(
    lake: Lake, happened: type[Happened], age: timedelta, expected: float
) -> None:
    log = lake([happened(customer="ann", at=NOW - age)])

    got = affinity(log, by="department", as_of=NOW, half_life=WEEK)

    assert got["affinity"].tolist() == pytest.approx([expected], rel=1e-6)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("department", {("ann", "SHOES"): 3.0, ("ann", "BAGS"): 0.5}),
        (
            "category",
            {("ann", "SHOES/BOOTS"): 2.0, ("ann", "SHOES/SANDALS"): 1.0, ("ann", "BAGS"): 0.5},
        ),
        ("brand", {("ann", "Acme"): 3.5}),
    ],
)
def test_lines_add_up_by_key(
    lake: Lake, happened: type[Happened], by: str, expected: dict[tuple[str, str], float]
) -> None:
    now = NOW - timedelta(microseconds=1)
    log = lake(
        [
            happened(customer="ann", at=now, lines=("SHOES/BOOTS", "SHOES/BOOTS", "SHOES/SANDALS")),
            happened(customer="ann", at=NOW - WEEK, lines=("BAGS",)),
            happened(customer="ann", at=now, lines=("BAGS",), event=ORDER_REFUNDED),
            happened(customer=None, at=now, lines=("BAGS",)),
        ]
    )

    got = affinity(log, by=by, as_of=NOW, half_life=WEEK)  # type: ignore[arg-type]

    pairs = zip(got["customer_id"], got[by], strict=True)
    assert dict(zip(pairs, got["affinity"], strict=True)) == pytest.approx(expected, rel=1e-9)
    assert got["affinity"].is_monotonic_decreasing


def test_ignores_what_happens_at_or_after_as_of(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer="ann", at=NOW), happened(customer="ann", at=NOW + WEEK)])

    got = affinity(log, by="brand", as_of=NOW)

    assert got.empty
    assert list(got.columns) == ["customer_id", "brand", "affinity"]


def test_bad_arguments_are_one_clear_line(lake: Lake, happened: type[Happened]) -> None:
    log = lake([happened(customer="ann", at=NOW - WEEK)])

    with pytest.raises(DataError, match="half_life must be positive"):
        affinity(log, by="brand", as_of=NOW, half_life=timedelta(0))
    with pytest.raises(DataError, match="one of"):
        affinity(log, by="colour", as_of=NOW)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="time zone"):
        affinity(log, by="brand", as_of=NOW.replace(tzinfo=None))


def test_shares_are_of_all_a_customer_buys(lake: Lake, happened: type[Happened]) -> None:
    log = lake(
        [
            happened(customer="ann", at=NOW - WEEK, lines=("SHOES/A", "SHOES/B", "BAGS", "HATS")),
            happened(customer="bob", at=NOW - 2 * WEEK, lines=("SHOES/A", "BAGS")),
            happened(customer="eve", at=NOW - WEEK, lines=("HATS/X",)),
            happened(customer="zoe", at=NOW - WEEK, lines=(None,)),
        ]
    )

    got = affinity_shares(log, as_of=NOW, k=2)

    # Departments in falling size; BAGS and HATS have two lines each, the name decides.
    assert list(got.columns) == ["customer_id", "share_SHOES", "share_BAGS"]
    assert got.to_numpy().tolist() == [
        ["ann", 0.5, 0.25],
        ["bob", 0.5, 0.5],
        ["eve", 0.0, 0.0],
    ]


def test_shares_of_given_departments_keep_their_columns(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=NOW - WEEK, lines=("SHOES", "BAGS"))])

    got = affinity_shares(log, as_of=NOW, keys=["HATS", "BAGS"])

    assert got.to_numpy().tolist() == [["ann", 0.0, 0.5]]
    assert list(got.columns) == ["customer_id", "share_HATS", "share_BAGS"]


def test_shares_join_a_frame_in_its_order_and_leave_gaps(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=NOW - WEEK, lines=("SHOES", "BAGS"))])
    frame = pd.DataFrame({"customer_id": ["zoe", "ann"], "orders": [1, 2]})

    got = with_shares(log, frame, as_of=NOW, keys=["BAGS"])

    assert got["customer_id"].tolist() == ["zoe", "ann"]
    assert got["share_BAGS"].isna().tolist() == [True, False]
    assert got["share_BAGS"][1] == 0.5


def test_a_taste_of_a_hundred_half_lives_ago_is_no_division_by_zero(
    lake: Lake, happened: type[Happened]
) -> None:
    log = lake([happened(customer="ann", at=NOW - 100 * WEEK)])

    got = affinity_shares(log, as_of=NOW, half_life=WEEK)

    assert got["share_SHOES"].tolist() == [0.0]


LOGS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.integers(-50, 500).map(lambda hours: timedelta(hours=hours)),
        st.lists(st.sampled_from(["SHOES/BOOTS", "BAGS"]), min_size=1, max_size=3),
    ),
    max_size=20,
)


@settings(max_examples=15, deadline=None)
@given(LOGS)
def test_removing_the_future_changes_nothing_and_the_sum_is_right(
    lake: Lake, happened: type[Happened], log: list[tuple[str, timedelta, list[str]]]
) -> None:
    past = [row for row in log if row[1] > timedelta(0)]
    full, cut = (
        affinity(
            lake([happened(customer=w, at=NOW - age, lines=tuple(k)) for w, age, k in rows]),
            by="category",
            as_of=NOW,
            half_life=WEEK,
        )
        for rows in (log, past)
    )

    pd.testing.assert_frame_equal(full, cut, check_exact=True)
    by_hand = math.fsum(2 ** (-(age / WEEK)) * len(keys) for _, age, keys in past)
    assert full["affinity"].sum() == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("SHOES/BOOTS", "SHOES"),
        (" SHOES /BOOTS", "SHOES"),
        ("SHOES", "SHOES"),
        ("/BOOTS", None),
        ("  ", None),
        ("", None),
        (None, None),
    ],
)
def test_a_department_is_the_first_level_and_never_blank(
    category: str | None, expected: str | None
) -> None:
    sql = f"SELECT {DEPARTMENT} FROM (SELECT $1::VARCHAR AS category)"  # noqa: S608  # ours

    assert duckdb.execute(sql, [category]).fetchall() == [(expected,)]


def summed(values: list[float], condition: str = "true") -> object:
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT unnest($1::DOUBLE[]) AS x", [values])
    [(total,)] = con.execute(f"SELECT {exact_sum('x', condition)} FROM t").fetchall()  # noqa: S608
    return total


def test_a_sum_has_the_same_bits_in_any_order() -> None:
    random = Random(7)  # noqa: S311  # the same numbers every time
    values = [random.random() * 10 ** random.randint(-9, 2) for _ in range(500)]
    shuffled = random.sample(values, len(values))
    assert sum(values) != sum(shuffled)  # floats by themselves do not

    assert summed(values) == summed(shuffled) == pytest.approx(sum(values), rel=1e-12)


def test_only_what_meets_the_condition_counts_and_nothing_is_null() -> None:
    assert summed([0.5, 0.25, 100.0], "x < 1") == 0.75
    assert summed([100.0], "x < 1") is None
    assert summed([2.0**45, 0.5]) == 2.0**45 + 0.5
