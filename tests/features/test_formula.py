from __future__ import annotations

import math
from functools import cache

import duckdb
import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.formula import NAMES, Constant, Formula, Printer, Read, column, hour_of, leaves
from features.kinds.tally import Tally
from features.measures import ONE
from ingest.contract import ORDER_COMPLETED

_KIND = Tally(ONE, (ORDER_COMPLETED,))
READS = (Read(_KIND, "x"), Read(_KIND, "y"), Read(_KIND, "z", nullable=False))
X, Y, Z = READS
GRID = (None, -3.0, -0.5, 0.0, 0.5, 2.0)
ROWS = [(x, y, z) for x in GRID for y in GRID for z in GRID if z is not None]
Number = float | None


@cache
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("CREATE TABLE given (n INT, x DOUBLE, y DOUBLE, z DOUBLE)")
    connection.executemany(
        "INSERT INTO given VALUES (?, ?, ?, ?)", [(n, *row) for n, row in enumerate(ROWS)]
    )
    return connection


@pytest.fixture(scope="module", autouse=True)
def closed() -> object:
    yield
    database().close()
    database.cache_clear()


def by_sql(tree: Formula) -> list[Number]:
    """Return a formula's value for each of ROWS, from the SQL that Ibis prints."""
    table = ibis.table({"n": "int32", "x": "float64", "y": "float64", "z": "float64"}, name="given")
    columns: dict[Formula, object] = {X: table.x, Y: table.y, Z: table.z}
    printed = ibis.to_sql(table.select(n=table.n, v=column(tree, columns)), dialect="duckdb")
    rows = database().execute(f"SELECT v FROM ({printed}) ORDER BY n").fetchall()  # noqa: S608
    return [row[0] for row in rows]


def by_python(tree: Formula) -> list[Number]:
    """Return a formula's value for each of ROWS, from the lines that the printer writes."""
    printer = Printer({X: "x", Y: "y", Z: "z"})
    name = printer.name(tree)
    body = "\n    ".join([*printer.lines, f"return {name}"])
    known = dict(NAMES)
    exec(f"def value(x, y, z):\n    {body}", known)  # noqa: S102  # what we have just printed
    return [known["value"](*row) for row in ROWS]


def trees() -> st.SearchStrategy[Formula]:
    leaf = st.sampled_from([*READS, Constant(0.0), Constant(1.5), Constant(-2.0)])

    def grown(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        pairs = st.tuples(inner, inner)
        known = pairs.filter(lambda pair: not isinstance(pair[0], Constant))  # which is no gap
        return st.one_of(
            pairs.map(lambda pair: pair[0] + pair[1]),
            pairs.map(lambda pair: pair[0] - pair[1]),
            pairs.map(lambda pair: pair[0] * pair[1]),
            pairs.map(lambda pair: pair[0] / pair[1]),
            pairs.map(lambda pair: pair[0].at_least(pair[1])),
            known.map(lambda pair: pair[0].or_else(pair[1])),
            pairs.map(lambda pair: pair[0].above(pair[1])),
            inner.map(lambda each: each.nonzero),
            inner.map(lambda each: each.root),
        )

    # Something is read: of constants alone SQL makes no column.
    return st.recursive(leaf, grown, max_leaves=6).map(lambda tree: X * 0.0 + tree)


def same(left: Number, right: Number) -> bool:
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)


@settings(max_examples=60)
@given(trees())
def test_sql_and_python_of_a_formula_agree(tree: Formula) -> None:
    apart = [
        (row, left, right)
        for row, left, right in zip(ROWS, by_sql(tree), by_python(tree), strict=True)
        if not same(left, right)
    ]

    assert not apart


@pytest.mark.parametrize(
    ("tree", "x", "expected"),
    [
        pytest.param(X + 1, None, None, id="nothing-and-one-is-nothing"),
        pytest.param(X / 0, 2.0, None, id="a-division-by-zero-is-nothing"),
        pytest.param(X.or_else(7), None, 7.0, id="or-else-fills-a-gap"),
        pytest.param(X.or_else(7), 0.0, 0.0, id="zero-is-no-gap"),
        pytest.param(X.nonzero, 0.0, None, id="nonzero-makes-one"),
        pytest.param(X.root, -3.0, 0.0, id="the-root-of-less-than-nothing-is-zero"),
        pytest.param(X.above(2), 2.0, 0.0, id="equal-is-not-above"),
        pytest.param(X.above(-0.5), 0.0, 1.0, id="above-is-one"),
        pytest.param(X.at_least(0), -3.0, 0.0, id="at-least"),
    ],
)
def test_a_formula_means_what_it_says(tree: Formula, x: Number, expected: Number) -> None:
    places = [place for place, row in enumerate(ROWS) if row[0] == x]

    for values in (by_sql(tree), by_python(tree)):
        assert {values[place] for place in places} == {expected}


@pytest.mark.parametrize(
    ("sine", "cosine", "expected"),
    [
        (Constant(0.0), Constant(2.0), 0.0),
        (Constant(0.5), Constant(0.0), 6.0),
        (Constant(0.0), Constant(-3.0), 12.0),
        (Constant(-0.5), Constant(0.0), 18.0),
        (Constant(0.0), Constant(0.0), None),
    ],
)
def test_a_direction_is_an_hour(sine: Formula, cosine: Formula, expected: Number) -> None:
    tree = hour_of(Z * 0.0 + sine, Z * 0.0 + cosine)

    for values in (by_sql(tree), by_python(tree)):
        assert {None if value is None else round(value, 12) for value in values} == {expected}


def test_leaves_are_what_a_formula_reads() -> None:
    assert set(leaves((X + 1) / (Y * X))) == {X, Y}
