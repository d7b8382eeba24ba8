from __future__ import annotations

import duckdb
import ibis
import pandas as pd
import pytest
from ibis import Table

from core.errors import ConfigError
from features.columns import Clock
from features.dialects import printed
from features.keys import BRAND, CATEGORY, DEPARTMENT, DEVICE, PRODUCT, Key
from features.kinds.kind import Rows
from features.kinds.tally import Tally
from features.kinds.taste import Taste
from features.measures import ONE
from features.shop import Shop
from features.things import CUSTOMER, Things
from ingest.contract import ORDER_COMPLETED, PRODUCT_VIEWED

_WEIGHTS = ((PRODUCT_VIEWED, 1.0), (ORDER_COMPLETED, 5.0))
_DAY_US = 86_400_000_000
_LINES = ibis.table(
    {
        "customer": "int32",
        "event": "string",
        "ts_us": "int64",
        "product_id": "string",
        "category": "string",
        "brand": "string",
        "quantity": "int64",
    },
    name="lines",
)


def _taste(key: object, half_life_days: float = 90.0) -> Taste:
    return Taste(key, _WEIGHTS, half_life_days)  # type: ignore[arg-type]  # a key


@pytest.fixture
def things() -> Things:
    (found,) = Things.among([_taste(key) for key in (DEPARTMENT, CATEGORY, BRAND, PRODUCT)])
    return found


def _weighed(things: Things) -> Table:
    return things.weighed(
        Rows(table=_LINES, keys=(CUSTOMER,), at=90 * _DAY_US, clock=Clock(shop=Shop()))
    )


def _run(query: Table, **tables: Table | str) -> pd.DataFrame:
    """Run a query over three lines, of which two are of one boot, and over tables made of them."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE lines AS SELECT * FROM (VALUES"
            " (1, 'Product Viewed', 0, 'p1', 'SHOES/BOOTS', 'Acme', 1),"
            " (1, 'Order Completed', 0, 'p1', ' SHOES/BOOTS ', 'Acme', NULL),"
            " (2, 'Product Viewed', 0, 'p2', NULL, '', NULL),"
            " (2, 'Product Viewed', 0, 'p2', '', NULL, 2)"
            ") AS t (customer, event, ts_us, product_id, category, brand, quantity)"
        )
        for name, table in tables.items():
            text = table if isinstance(table, str) else printed(table, "duckdb")
            connection.execute(f"CREATE TABLE {name} AS {text}")
        return connection.execute(printed(query, "duckdb")).df()


def _read(name: str, table: Table) -> Table:
    return ibis.table(table.schema(), name=name)


def test_kinds_that_weigh_the_same_rows_alike_are_together() -> None:
    kinds = [
        _taste(CATEGORY),
        Tally(ONE, (ORDER_COMPLETED,)),
        _taste(BRAND),
        _taste(PRODUCT, half_life_days=30.0),
        _taste(DEVICE),
    ]
    assert [[*each.kinds] for each in Things.among(kinds)] == [[0, 2], [3], [4]]


def test_rows_are_added_up_by_who_and_what(things: Things) -> None:
    found = _run(_weighed(things)).sort_values(["customer", "weight"])
    assert found["weight"].astype(float).tolist() == pytest.approx([0.5, 2.5, 0.5, 0.5])
    assert "of_category" in found.columns
    assert "of_department" not in found.columns  # made of the category


def test_each_thing_is_numbered_once_with_its_keys_in_order(things: Things) -> None:
    weighed = _weighed(things)
    found = _run(things.numbered(_read("weighed", weighed)), weighed=weighed)
    assert sorted(found["thing"]) == [0, 1, 2]
    assert not found.filter(like="of_").isna().any(axis=None)  # or no join would find it
    boots = found[found["key_3"] == "p1"]
    assert boots["key_0"].tolist() == ["SHOES", "SHOES"]
    assert boots["key_1"].tolist() == ["SHOES/BOOTS", "SHOES/BOOTS"]
    other = found[found["key_3"] == "p2"]
    assert other["key_1"].isna().tolist() == [True]
    assert other["code_1"].isna().tolist() == [True]
    assert boots["code_3"].tolist() < other["code_3"].tolist()


def test_pairs_of_a_key_are_sums_over_its_things(things: Things) -> None:
    weighed = _weighed(things)
    numbered = things.numbered(_read("weighed", weighed))
    paired = things.paired(_read("weighed", weighed), _read("numbered", numbered), (CUSTOMER,))
    tables = {"weighed": weighed, "numbered": numbered, "paired": paired}

    def pairs(number: int) -> list[float]:
        of = things.pairs(number, _read("paired", paired), _read("numbered", numbered), (CUSTOMER,))
        found = _run(of, **tables).sort_values("customer")
        return found["weight"].astype(float).tolist()

    assert pairs(1) == pytest.approx([3.0])  # who looked at nothing with a category has no pair
    assert pairs(3) == pytest.approx([3.0, 1.0])  # a blank and a missing brand are one thing


def test_what_is_ranked_gets_its_texts_back(things: Things) -> None:
    weighed = _weighed(things)
    numbered = things.numbered(_read("weighed", weighed))
    ranked = ibis.table({"customer": "int32", "key_1": "int32", "share_1": "float64"}, "ranked")
    rows = "SELECT * FROM (VALUES (1, 1, 1.0), (2, NULL, 0.0)) AS t (customer, key_1, share_1)"
    worded = things.worded(3, ranked, _read("numbered", numbered), ["key_1"])
    tables = {"weighed": weighed, "numbered": numbered}
    found = _run(worded, **tables, ranked=rows)
    assert found.sort_values("customer")["key_1"].tolist() == ["p2", None]
    assert [*found.columns] == ["customer", "key_1", "share_1"]


def test_kept_pairs_are_of_ids_and_keys_and_fade(things: Things) -> None:
    weighed = _weighed(things)
    numbered = things.numbered(_read("weighed", weighed))
    paired = things.paired(_read("weighed", weighed), _read("numbered", numbered), (CUSTOMER,))
    customers = ibis.table({"customer_id": "string", "customer": "int32"}, name="customers")
    kept = things.kept(_read("paired", paired), _read("numbered", numbered), customers)
    came = ibis.table(kept.schema(), name="kept").filter(lambda row: row.customer_id == "ann")
    old = ibis.table({**kept.schema(), "end_us": "int64"}, name="old")
    tables = {
        "weighed": weighed,
        "numbered": numbered,
        "paired": paired,
        "customers": "SELECT * FROM (VALUES ('ann', 1), ('bob', 2)) AS t (customer_id, customer)",
        "kept": kept,
        "old": ibis.table(kept.schema(), name="kept").mutate(end_us=0),
    }
    assert sorted(_run(kept, **tables)["customer_id"]) == ["ann", "ann", "bob", "bob"]
    moved = _run(things.moved(came, old, 90 * _DAY_US), **tables)
    assert set(moved["customer_id"]) == {"ann"}  # of who did not come nothing is ranked anew
    assert moved["weight"].astype(float).sum() == pytest.approx(3.0 + 1.5)


def _own(of: str, column: str) -> Key:
    return Key(
        name=f"{column}_as_text",
        source="items",
        of=of,
        raw=lambda rows, clock: rows[column],
        refined=lambda value: value.cast("string"),
        python=lambda shop: lambda row: None,
    )


def test_a_raw_value_may_be_a_number_and_missing() -> None:
    (things,) = Things.among([_taste(_own("quantity", "quantity")), _taste(BRAND)])
    weighed = _weighed(things)
    numbered = things.numbered(_read("weighed", weighed))
    paired = things.paired(_read("weighed", weighed), _read("numbered", numbered), (CUSTOMER,))
    rows = _run(weighed)
    assert _run(paired, weighed=weighed, numbered=numbered)["weight"].sum() == rows["weight"].sum()


def test_one_name_for_two_raw_values_is_an_error_that_names_it() -> None:
    (things,) = Things.among([_taste(_own("it", "brand")), _taste(_own("it", "category"))])
    with pytest.raises(ConfigError, match=r"'category_as_text' .* names it 'it'"):
        _weighed(things)
