# ruff: noqa: S608  # the SQL of a test is its own

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import to_us
from core.errors import ConfigError, DataError
from ingest.log import EventLog
from tests.ingest.shop import CUSTOMERS, EVENTS, HEADER, MAPPING, PRODUCTS, Shop


def test_lines_become_orders_with_their_products(shop: Shop) -> None:
    report = shop.take(events=EVENTS, products=PRODUCTS, customers=CUSTOMERS)

    assert (report.events, report.items, report.products, report.customers) == (2, 3, 2, 2)
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


def test_customers_and_products_are_there_to_be_read(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS, customers=CUSTOMERS)
    log = EventLog(shop.home / "events.db")

    people = log.customers(["ann", "bob", "eve"])
    assert set(people) == {"ann", "bob"}
    assert (people["ann"].email, people["ann"].traits) == (
        "ann@example.test",
        {"first_name": "Ann"},
    )
    assert (people["bob"].email, people["bob"].traits) == (
        None,
        {"first_name": "Bob", "city": "York"},
    )
    tea = log.product(["tea", "coffee"])["tea"]
    assert (tea.name, tea.category, tea.price_minor, tea.available) == (
        "Green tea",
        "Drinks/Tea",
        350,
        True,
    )
    assert log.catalogue().column("product_id").to_pylist() == ["mug", "tea"]


def test_the_same_files_again_add_nothing(shop: Shop) -> None:
    bad = EVENTS + "C1,1,yesterday,ann,tea,1,3.50\n"
    shop.take(events=bad, products=PRODUCTS, customers=CUSTOMERS)
    before = shop.dump()

    report = shop.take(events=bad, products=PRODUCTS, customers=CUSTOMERS)

    assert shop.dump() == before
    assert (report.events, report.items, report.products, report.customers) == (0, 0, 0, 0)
    assert [(part.read, part.accepted, part.duplicate) for part in report.sections] == [
        (4, 0, 3),
        (2, 0, 2),
        (2, 0, 2),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A1,1,31/31/2024,ann,tea,1,1", "unreadable time"),
        ("A1,1,,ann,tea,1,1", "missing time"),
        ("A1,1,1970-01-01,ann,tea,1,1", "time before 1990 or in the future"),
        ("A1,1,2024-06-03,ann,tea,1,1", "time before 1990 or in the future"),
        (",1,2024-01-01,ann,tea,1,1", "missing event id"),
        ("A1,1,2024-01-01, ,tea,1,1", "neither customer nor anonymous id"),
        ("A1,1,2024-01-01,ann,,1,1", "missing product id"),
        ("A1,,2024-01-01,ann,tea,1,1", "missing line id"),
        ("A1,1,2024-01-01,ann,tea,-1,1", "negative quantity"),
        ("A1,1,2024-01-01,ann,tea,1.5,1", "quantity is not a whole number"),
        ("A1,1,2024-01-01,ann,tea,many,1", "missing or unreadable quantity"),
        ("A1,1,2024-01-01,ann,tea,1,0.005", "price is not whole minor units"),
        ("A1,1,2024-01-01,ann,tea,1,-1", "negative price"),
        ("A1,1,2024-01-01,ann,tea,1,a pound", "unreadable price"),
        ("A1,1,2024-01-01,ann,tea,1,1e300", "price out of range"),
        ("A1,1,2024-01-01,ann,tea", "malformed line: missing columns"),
        ("A1,1,2024-01-01,ann,tea,1,1,1", "malformed line: too many columns"),
    ],
)
def test_a_row_that_breaks_the_contract_is_set_aside_with_its_row_and_reason(
    shop: Shop, line: str, reason: str
) -> None:
    good = "G{},1,2024-01-01,ann,tea,1,1\n"
    rows = good.format(1) + line + "\n" + good.format(2) + line + "\n" + good.format(3)

    report = shop.take(events=HEADER + rows)

    assert shop.reasons() == {2: reason, 4: reason}
    assert report.events == 3
    assert sum(sum(part.quarantined.values()) for part in report.sections) == 2


def test_quarantine_keeps_file_and_content(shop: Shop) -> None:
    shop.take(events=EVENTS + "C1,1,soon,ann,tea,1,3.50\n")

    [(source, file, row, payload)] = shop.query("SELECT source, file, row, payload FROM quarantine")
    assert (source, file, row) == ("shop", "events.csv", 4)
    assert json.loads(str(payload))["order_no"] == "C1"


def test_bytes_that_are_not_text_are_set_aside(shop: Shop) -> None:
    shop.take(events=EVENTS.encode() + b"C1,1,2024-01-01,\xe9ve,tea,1,3.50\n")

    assert shop.reasons() == {4: "malformed line: invalid encoding"}


def test_an_order_of_two_customers_is_set_aside_whole(shop: Shop) -> None:
    shop.take(events=EVENTS + "C1,1,2024-01-01,ann,tea,1,3.50\nC1,2,2024-01-01,bob,tea,1,3.50\n")

    why = "lines of one event name different customers"
    assert shop.reasons() == {4: why, 5: why}
    assert [row[0] for row in shop.dump()["events"]] == ["A1", "B1"]


def test_a_rule_of_the_mapping_sets_rows_aside_with_its_own_reason(shop: Shop) -> None:
    rule = "  quarantine: [{when: \"sku = 'mug'\", reason: not sold here}]\n  item:"
    shop.take(MAPPING.replace("  item:", rule), events=EVENTS)

    assert shop.reasons() == {2: "not sold here"}


def test_refunds_and_guests_and_events_without_products(shop: Shop) -> None:
    mapping = """
source: shop
currency: EUR
events:
  - {event_id: id, event: kind, time: at, customer_id: customer, anonymous_id: device,
     value: total, properties: {page: page}}
"""
    rows = (
        "id,kind,at,customer,device,total,page\n"
        "1,Order Refunded,2024-01-01T10:00:00+02:00,ann,,12.34,\n"
        "2,Page Viewed,2024-01-01T10:00:00Z,,phone,,/home\n"
    )
    shop.take(mapping, events=rows)

    assert shop.query(
        "SELECT event, customer_id, anonymous_id, ts_us, value_minor, properties FROM events"
    ) == [
        ("Order Refunded", "ann", None, to_us(datetime(2024, 1, 1, 8, tzinfo=UTC)), 1234, "{}"),
        (
            "Page Viewed",
            None,
            "phone",
            to_us(datetime(2024, 1, 1, 10, tzinfo=UTC)),
            None,
            '{"page":"/home"}',
        ),
    ]


def test_lines_without_an_id_keep_their_order_and_equal_ones_count_twice(shop: Shop) -> None:
    mapping = MAPPING.replace("line_id: line, ", "")
    rows = "A1,,2024-01-01,ann,{},1,1\n"
    events = HEADER + rows.format("tea") + rows.format("mug") + rows.format("tea")

    for _ in range(2):
        shop.take(mapping, events=events)

        assert [row[3] for row in shop.dump()["items"]] == ["tea", "mug", "tea"]


def test_a_line_that_comes_later_joins_its_order(shop: Shop) -> None:
    first, second, *_ = EVENTS.removeprefix(HEADER).splitlines(keepends=True)
    shop.take(events=HEADER + first)
    report = shop.take(events=HEADER + second)

    assert (report.events, report.revised, report.items) == (0, 1, 1)
    assert shop.dump()["events"][0][4] == 1500


def test_an_event_id_of_another_source_is_not_taken_over(shop: Shop) -> None:
    shop.take(events=EVENTS)
    other = MAPPING.replace("source: shop", "source: other")
    shop.take(other, events=HEADER + "A1,7,2024-01-31,ann,tea,1,1\nZ1,1,2024-01-31,ann,tea,1,1\n")

    assert shop.reasons() == {1: "event id belongs to source shop"}
    assert [row[0] for row in shop.dump()["events"]] == ["A1", "B1", "Z1"]


LINES = [
    f"O{order},{line},2024-0{1 + order}-1{line} 12:00:00,c{order},{sku},{1 + line},{price}.25\n"
    for order in range(4)
    for line, (sku, price) in enumerate([("tea", 3), ("mug", 8), ("jam", 2)][: 1 + order % 3])
]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_split_shuffle_and_repetition_of_the_lines_gives_the_same_log(
    new_shop: Callable[[], Shop], data: st.DataObject
) -> None:
    whole, parts = new_shop(), new_shop()
    whole.take(events=HEADER + "".join(LINES))
    lines = data.draw(st.permutations(LINES))
    again = data.draw(st.lists(st.sampled_from(LINES), max_size=5))
    cut = data.draw(st.integers(1, len(lines)))

    for piece in (lines[:cut] + again, lines[cut:], again):
        if piece:
            parts.take(events=HEADER + "".join(piece))

    assert parts.dump() == whole.dump()


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
        r"none of the 1 rows of events.csv can be used; 1 of them: unreadable time",
        id="no-good-row",
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
    shop: Shop, change: dict[str, str], error: type[Exception], message: str, used: bool
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


def test_a_file_that_is_not_parquet_is_one_clear_line(shop: Shop) -> None:
    with pytest.raises(DataError, match=r"events file .*cannot be read as Parquet"):
        shop.take(events=shop.file("events.parquet", "no parquet"))

    assert not shop.home.exists()


def test_the_first_import_fixes_the_base_currency(shop: Shop) -> None:
    shop.take(events=EVENTS)

    with pytest.raises(ConfigError, match=r"keeps its sums in GBP"):
        shop.take(events=EVENTS, currency="USD", rates={"GBP": 1.3})


def test_a_currency_without_a_rate_is_set_aside_and_yen_have_no_pence(shop: Shop) -> None:
    mapping = MAPPING.replace("  item:", "  currency: sku\n  item:")
    rows = "{0},1,2024-01-01,ann,{1},1,{2}\n"
    events = HEADER + rows.format(1, "gbp", "1.10") + rows.format(2, "JPY", "500")
    shop.take(mapping, events=events + rows.format(3, "USD", "1"), rates={"JPY": 0.005})

    assert shop.reasons() == {3: "currency without a rate"}
    assert [row[4:] for row in shop.dump()["events"]] == [(110, 0, "GBP"), (500, 0, "JPY")]


def test_what_is_not_given_is_skipped_and_said(shop: Shop) -> None:
    report = shop.take(events=EVENTS)

    assert report.skipped == {"products": "products", "customers": "customers"}


def test_a_changed_price_updates_the_catalogue_and_leaves_old_orders(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    report = shop.take(products=PRODUCTS.replace("3.50", "4.00"), events=EVENTS)

    products = next(part for part in report.sections if part.section == "products")
    assert (report.products, products.accepted, products.duplicate) == (0, 1, 1)
    assert shop.dump()["items"][0][6] == 350


def test_consents_of_a_file_reach_the_ledger_and_nothing_else_does(shop: Shop) -> None:
    mapping = MAPPING + "consents: {customer_id: who, purpose: what, granted: ok, time: at}\n"
    rows = (
        "who,what,ok,at\nann,email_marketing,true,2024-01-01\nann,analytics,no,2024-01-01\n"
        "bob,spam,true,2024-01-01\nbob,analytics,maybe,2024-01-01\n"
    )
    for new in (2, 0):
        assert shop.take(mapping, events=EVENTS, consents=rows).consents == new

    assert shop.query("SELECT customer_id, purpose, granted, source FROM consents ORDER BY 2") == [
        ("ann", "analytics", 0, "shop"),
        ("ann", "email_marketing", 1, "shop"),
    ]
    assert shop.reasons() == {3: "unknown purpose", 4: "missing or unreadable granted"}


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


def test_row_numbers_hold_across_quoted_line_breaks_and_malformed_lines(shop: Shop) -> None:
    rng = random.Random(7)  # noqa: S311  # the same file every time
    rows, expected = [], {}
    for number in range(1, 400):
        kind = rng.choice(["good", "short", "long", "wrapped", "undated"])
        text = f"O{number},1,2024-01-01,ann,tea,1,1"
        if kind == "short":
            text, expected[number] = "a,b", "malformed line: missing columns"
        elif kind == "long":
            text, expected[number] = text + ",1", "malformed line: too many columns"
        elif kind == "wrapped":
            text = text.replace("ann", '"an\nn"')
        elif kind == "undated":
            text, expected[number] = text.replace("2024-01-01", "?"), "unreadable time"
        rows.append(text + "\n")

    shop.take(events=HEADER + "".join(rows))

    assert shop.reasons() == expected
