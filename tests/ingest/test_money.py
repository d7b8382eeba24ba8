from __future__ import annotations

import duckdb
import pytest

from ingest.money import CURRENCIES, minor_digits, minor_units_sql


@pytest.mark.parametrize(
    ("currency", "units"),
    [("EUR", 100), ("USD", 100), ("JPY", 1), ("KRW", 1), ("KWD", 1_000), ("TND", 1_000)],
)
def test_a_unit_has_the_minor_units_of_iso_4217(currency: str, units: int) -> None:
    sql = f"SELECT {minor_units_sql('code')} FROM (SELECT '{currency}' AS code)"  # noqa: S608

    assert duckdb.execute(sql).fetchall() == [(units,)]
    assert 10 ** minor_digits(currency) == units


def test_every_exception_is_a_currency() -> None:
    sql = minor_units_sql("code")

    exceptions = {word for word in sql.split("'") if word.isalpha() and len(word) == 3}
    assert len(exceptions) == 23
    assert exceptions < CURRENCIES
    assert all(code.isupper() and len(code) == 3 for code in CURRENCIES)
