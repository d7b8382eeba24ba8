from __future__ import annotations

import pytest

from features.dialects import typed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("a / 86400.0", "a / CAST(86400.0 AS DOUBLE)", id="with-a-point"),
        pytest.param("x < 1e-12", "x < CAST(1e-12 AS DOUBLE)", id="with-an-exponent"),
        pytest.param("x * -0.5", "x * -CAST(0.5 AS DOUBLE)", id="negative"),
        pytest.param("a + 5", "a + 5", id="whole-numbers-stay"),
        pytest.param("DECIMAL(38, 20)", "DECIMAL(38, 20)", id="types-stay"),
        pytest.param("""'1.5' "1.5" `1.5`""", """'1.5' "1.5" `1.5`""", id="quoted-stays"),
        pytest.param("'it''s 1.5'", "'it''s 1.5'", id="quotes-in-quotes"),
    ],
)
def test_a_number_with_a_point_is_a_double(query: str, expected: str) -> None:
    assert typed(query, "snowflake") == expected


def test_each_dialect_has_its_own_name_for_a_double() -> None:
    assert typed("0.5", "postgres") == "CAST(0.5 AS DOUBLE PRECISION)"
    assert typed("0.5", "bigquery") == "CAST(0.5 AS FLOAT64)"
