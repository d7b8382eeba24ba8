# ruff: noqa: S608  # the SQL of a test is its own

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.clock import to_us
from core.errors import ConfigError, DataError
from core.settings import load_settings
from ingest.importer import Import
from ingest.mapping import load_mapping
from tests.ingest.shop import AS_OF, CUSTOMERS, EVENTS, HEADER, MAPPING, PRODUCTS, Shop


def test_lines_become_orders_with_their_products(shop: Shop) -> None:
    report = shop.take(events=EVENTS, products=PRODUCTS, customers=CUSTOMERS)

    assert (report.events, report.items, report.products, report.customers) == (2, 3, 2, 2)
    assert shop.query("SELECT value FROM meta WHERE key = 'timezone'") == [("Europe/London",)]
    assert shop.dump()["events"] == [
        (
            "A1",
            "ann",
            "Order Completed",
            to_us(datetime(2024, 1, 31, 23, 30, tzinfo=UTC)),
            1500,
            0,
            "GBP",
        ),
        (
            "B1",
            "bob",
            "Order Completed",
            to_us(datetime(2024, 5, 1, 8, 0, tzinfo=UTC)),
            350,
            0,
            "GBP",
        ),
    ]  # London is an hour ahead of UTC in May only
    assert shop.dump()["items"] == [
        ("A1", 1, "1", "tea", "Drinks/Tea", 2, 350, 700),
        ("A1", 2, "2", "mug", None, 1, 800, 800),
        ("B1", 1, "1", "tea", "Drinks/Tea", 1, 350, 350),
    ]


BAD_INPUTS = [
    pytest.param(
        {"mapping": MAPPING.replace("time: bought", "time: when_bought")},
        ConfigError,
        r"shop.yaml, section events, field time: no column 'when_bought'; events has the columns "
        r"order_no, line, bought, customer, sku, qty, price",
        id="unknown-column",
    ),
    pytest.param(
        {"mapping": MAPPING.replace("price: price}\np", "price: qty * 2}\np")},
        ConfigError,
        r"section events, field item.price: .*No function matches",
        id="sum-of-text",
    ),
    pytest.param(
        {"mapping": MAPPING.replace("time: bought", "time: bought)")},
        ConfigError,
        r"section events, field time: .*syntax error",
        id="not-sql",
    ),
    pytest.param(
        {"mapping": MAPPING.replace("events:\n", "events:\n  from: orders\n")},
        ConfigError,
        r"no input or view 'orders'; there are events",
        id="unknown-input",
    ),
    pytest.param(
        {"mapping": f"{MAPPING}views: {{v: FROM events WHERE foo}}"},
        ConfigError,
        r"view v: no column 'foo'; events has the columns",
        id="unknown-column-in-a-view",
    ),
    pytest.param(
        {"events": Path("nowhere.csv")},
        DataError,
        r"nowhere.csv does not exist",
        id="missing-file",
    ),
    pytest.param({"events": ""}, DataError, r"is empty", id="empty-file"),
    pytest.param({"events": HEADER}, DataError, r"section events has no rows", id="no-rows"),
    pytest.param(
        {"events": HEADER + "A1,1,soon,ann,tea,1,1\n"},
        DataError,
        r"none of the 1 rows of /.*/events.csv can be used; 1 of them: unreadable time, for "
        r"example bought = 'soon' in line 2. Times that are not ISO 8601 need a time_format",
        id="no-good-row",
    ),
    pytest.param(
        {
            "mapping": MAPPING + "time_format: '%d/%m/%Y'\n",
            "events": HEADER + "\nA1,1,2024-01-01,ann,tea,1,1\n",
        },
        DataError,
        r"bought = '2024-01-01' in line 3. Times are read with the mapping's time_format, '%d/%m/",
        id="another-time-format",
    ),
    pytest.param(
        {"events": HEADER + "A1,1,2024-01-01,ann,tea,1,1.234\n" * 2},
        DataError,
        r"2 of them: price is not whole minor units, for example price = '1.234' in line 2. Check",
        id="no-good-price",
    ),
    pytest.param(
        {"events": HEADER + "A1,1,2024-01-01,ann,,1,1\n"},
        DataError,
        r"missing product id, for example sku is empty in line 2. Check section events",
        id="no-product",
    ),
    pytest.param(
        {
            "mapping": f"{MAPPING}views: {{v: SELECT * EXCLUDE (_row) FROM events}}\n".replace(
                "events:\n", "events:\n  from: v\n  quarantine: [{when: qty < '2', reason: few}]\n"
            ),
            "events": HEADER + "A1,1,2024-01-01,ann,tea,1,1\n",
        },
        DataError,
        r"none of the 1 rows of v can be used; 1 of them: few, for example qty = '1'. Check",
        id="a-rule-over-a-view",
    ),
    pytest.param(
        {"products": PRODUCTS.splitlines()[0] + "\n"},
        DataError,
        r"the catalogue is empty",
        id="empty-catalogue",
    ),
    pytest.param(
        {"currency": "EUR"},
        ConfigError,
        r"has the currency GBP, the workspace EUR, and there is no rate",
        id="wrong-currency",
    ),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD_INPUTS)
@pytest.mark.parametrize("used", [False, True], ids=["new-workspace", "used-workspace"])
def test_a_mistake_is_one_line_and_leaves_the_workspace_as_it_was(
    shop: Shop, change: dict[str, Any], error: type[Exception], message: str, used: bool
) -> None:
    if used:
        shop.take(
            events=EVENTS,
            products=PRODUCTS,
            currency=change.get("currency", ""),
            rates={"GBP": 1.2} if "currency" in change else {},
        )
    before = shop.dump() if used else None

    with pytest.raises(error, match=message) as caught:
        shop.take(**({"events": EVENTS} | change))

    assert "\n" not in str(caught.value)
    assert shop.dump() == before if used else not shop.home.exists()


def test_what_is_not_given_is_skipped_and_said(shop: Shop) -> None:
    report = shop.take(events=EVENTS)

    assert report.skipped == {"products": "products", "customers": "customers"}


def test_progress_names_every_long_step(shop: Shop) -> None:
    steps: list[tuple[str, int, int]] = []
    where = shop.file("shop.yaml", MAPPING)
    inputs = {"events": shop.file("events.csv", EVENTS)}

    Import(load_settings(home=shop.home), load_mapping(where), where, inputs, as_of=AS_OF).run(
        lambda *step: steps.append(step)
    )

    assert [step for step in steps if "events" in step[0]] == [
        *(("making events of lines", number, 3) for number in range(3)),
        ("writing events", 0, 2),
        ("writing events", 2, 2),
    ]


PEAK = """
import resource, sys
from pathlib import Path
from ingest import inputs
from tests.ingest.shop import Shop

inputs.MEMORY = "100MB"
Shop(Path(sys.argv[1])).take(events=Path(sys.argv[1]) / "big.csv")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_number_of_rows(new_shop: Callable[[], Shop]) -> None:
    def peak_mb(rows: int) -> int:
        folder = new_shop().folder
        duckdb.sql(
            f"COPY (SELECT 'A' || range // 3 AS order_no, range AS line, '2024-01-01' AS bought, "
            f"'c' || range // 3 % 500 AS customer, 'tea' AS sku, 1 AS qty, '3.50' AS price "
            f"FROM range({rows})) TO '{folder / 'big.csv'}'"
        )
        command = [sys.executable, "-c", PEAK, str(folder)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    small, large = peak_mb(20_000), peak_mb(200_000)

    assert large < small + 100  # ten times the rows; held in memory they would take far more
