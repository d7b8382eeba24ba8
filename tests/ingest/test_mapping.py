from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError
from ingest.mapping import load_mapping
from tests.ingest.shop import MAPPING


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("source: [", r"is not valid YAML", id="not-yaml"),
        pytest.param("just words", r"must hold keys such as", id="not-a-mapping"),
        pytest.param(MAPPING + "colour: red", r"colour: unknown", id="unknown-key"),
        pytest.param(
            MAPPING.replace("time:", "tmie:"),
            r"events.0.tmie: unknown; did you mean .time.\?",
            id="misspelt",
        ),
        pytest.param(MAPPING.replace("GBP", "pounds"), r"currency: .*ISO 4217", id="currency"),
        pytest.param(
            MAPPING.replace("Europe/London", "UK"), r"timezone: .*no time zone", id="zone"
        ),
        pytest.param(
            MAPPING.replace("  customer_id: customer\n", ""),
            r"give customer_id, anonymous_id or both",
            id="nobody",
        ),
        pytest.param("source: shop\ncurrency: GBP\n", r"has no section", id="no-section"),
    ],
)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message) as caught:
        load_mapping(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml cannot be read"):
        load_mapping(tmp_path / "nowhere.yaml")


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(MAPPING)
    products = load_mapping(path).sections()["products"]

    plain = products.expressions(["Sku", "name", "price per unit"])

    assert plain["product_id"] == '"sku"'
    assert plain["category"] == "category"  # not a column of this table: left to DuckDB


@pytest.mark.parametrize("name", ["complete_journey.yaml", "online_retail.yaml"])
def test_the_mappings_we_ship_are_valid(name: str) -> None:
    assert load_mapping(Path("conf/mappings") / name).events
