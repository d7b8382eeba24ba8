from __future__ import annotations

from random import Random

import duckdb
import pytest

from features.relations import DEPARTMENT, exact_sum


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
