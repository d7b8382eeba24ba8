"""What Ibis leaves to say of a dialect: that a number with a point is a double."""

from __future__ import annotations

import re
from typing import Final

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
