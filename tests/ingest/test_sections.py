from __future__ import annotations

import pytest

from core.errors import ConfigError
from ingest.sections import spaced
from tests.ingest.shop import EVENTS, HEADER, MAPPING, Shop


def test_a_rule_of_the_mapping_sets_rows_aside_with_its_own_reason(shop: Shop) -> None:
    rule = "  quarantine: [{when: \"sku = 'mug'\", reason: not sold here}]\n  item:"
    shop.take(MAPPING.replace("  item:", rule), events=EVENTS)

    assert shop.reasons() == {3: "not sold here"}


def test_a_currency_without_a_rate_is_set_aside_and_yen_have_no_pence(shop: Shop) -> None:
    mapping = MAPPING.replace("  item:", "  currency: sku\n  item:")
    rows = "{0},1,2024-01-01,ann,{1},1,{2}\n"
    events = HEADER + rows.format(1, "gbp", "1.10") + rows.format(2, "JPY", "500")
    shop.take(mapping, events=events + rows.format(3, "USD", "1"), rates={"JPY": 0.005})

    assert shop.reasons() == {4: "currency without a rate"}
    assert [row[4:] for row in shop.dump()["events"]] == [(110, 0, "GBP"), (500, 0, "JPY")]


@pytest.mark.parametrize(
    ("given", "minor"),
    [
        ("0.29", 29),
        ("19.99", 1999),
        ("1e2", 10_000),
        (" 3.50 ", 350),
        ("0", 0),
        ("90071992.54", 9_007_199_254),
    ],
)
def test_an_amount_is_whole_minor_units_whatever_floats_do(
    shop: Shop, given: str, minor: int
) -> None:
    shop.take(events=HEADER + f"A1,1,2024-01-01,ann,tea,1,{given}\n")

    assert shop.dump()["events"][0][4] == minor


@pytest.mark.parametrize(
    ("given", "utc"),
    [
        pytest.param("2024-01-15 12:00:00", "2024-01-15 12:00:00", id="winter"),
        pytest.param("2024-05-15 12:00:00", "2024-05-15 11:00:00", id="summer"),
        pytest.param("2024-05-15T12:00:00Z", "2024-05-15 12:00:00", id="its-own-zone"),
        pytest.param("2024-05-15T12:00:00+05:30", "2024-05-15 06:30:00", id="an-offset"),
        pytest.param("2024-05-15", "2024-05-14 23:00:00", id="a-bare-date"),
    ],
)
def test_a_time_without_a_zone_is_the_mappings(shop: Shop, given: str, utc: str) -> None:
    shop.take(events=HEADER + f"A1,1,{given},ann,tea,1,1\n")

    assert shop.query("SELECT datetime(ts_us / 1000000, 'unixepoch') FROM events") == [(utc,)]


def test_a_time_is_read_by_the_mappings_format(shop: Shop) -> None:
    mapping = MAPPING.replace("timezone:", "time_format: '%d/%m/%y'\ntimezone:")
    rows = "A1,1,01/02/24,ann,tea,1,1\nB1,1,2024-02-01,ann,tea,1,1\n"

    shop.take(mapping, events=HEADER + rows)

    assert shop.query("SELECT date(ts_us / 1000000, 'unixepoch') FROM events") == [("2024-02-01",)]
    assert shop.reasons() == {3: "unreadable time"}


def test_a_number_is_no_time_and_the_message_says_how_to_write_it(shop: Shop) -> None:
    mapping = MAPPING.replace("time: bought", "time: 1 + 1")

    with pytest.raises(ConfigError, match=r"field time: .*not INTEGER.*to_timestamp\(COLUMN\)"):
        shop.take(mapping, events=EVENTS)


def test_a_blank_flag_is_the_default_and_a_blank_consent_is_none(shop: Shop) -> None:
    mapping = MAPPING.replace("brand: brand}", "brand: brand, available: stock}")
    mapping += "consents: {customer_id: who, purpose: what, granted: ok, time: at}\n"
    products = (
        "sku,name,category,price,brand,stock\n"
        "tea,Tea,,1,,\nmug,Mug,,1,,' '\njam,Jam,,1,, no\nrum,Rum,,1,,maybe\n"
    ).replace("' '", '" "')
    consents = "who,what,ok,at\nann,analytics,,2024-01-01\nbob,analytics,yes,2024-01-01\n"
    shop.take(mapping, events=EVENTS, products=products, consents=consents)

    stock = shop.query("SELECT product_id, available FROM catalogue ORDER BY 1")
    assert stock == [("jam", 0), ("mug", 1), ("tea", 1)]
    assert shop.reasons() == {5: "unreadable available", 2: "missing or unreadable granted"}
    assert shop.query("SELECT customer_id FROM consents") == [("bob",)]


def test_reasons_are_words() -> None:
    assert spaced("price_minor") == "price"
    assert spaced("line_id") == "line id"
