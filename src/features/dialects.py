"""How queries are printed: by Ibis, and what it leaves to say of a dialect."""

from __future__ import annotations

import re
from typing import Final

import ibis
from ibis import Table

# Quoted texts and names, which stay, or a number with a point or an exponent.
_TOKEN: Final = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|(?P<number>\b\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)\b)"
)
_DOUBLE: Final = {"postgres": "DOUBLE PRECISION", "bigquery": "FLOAT64"}


def typed(query: str, dialect: str) -> str:
    """Return a query in which each number with a point is a double, as in Python.

    Most engines read `86400.0` as a decimal, and give a quotient by it as few as six digits.
    """
    double = _DOUBLE.get(dialect, "DOUBLE")

    def literal(found: re.Match[str]) -> str:
        return f"CAST({found[0]} AS {double})" if found["number"] else found[0]

    return _TOKEN.sub(literal, query)


def quoted(name: str, dialect: str) -> str:
    """Return a name as Ibis writes it: where a name without quotes is in capitals, it matters."""
    mark = "`" if dialect in ("bigquery", "databricks") else '"'
    return f"{mark}{name}{mark}"


def printed(table: Table, dialect: str) -> str:
    """Return the query of a table."""
    text = str(ibis.to_sql(table, dialect=dialect))
    return text if dialect == "duckdb" else typed(text, dialect)


def within(name: str, query: str, dialect: str) -> str:
    """Return the beginning of a query that reads another one under a name."""
    return f"WITH {quoted(name, dialect)} AS (\n{query}\n)\n"
