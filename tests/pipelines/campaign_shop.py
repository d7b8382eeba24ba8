"""A shop with twenty products and the campaigns of `conf`, to publish and to preview."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.settings import Settings
from ingest.contract import ORDER_COMPLETED, TABLES

CONF = Path(__file__).parents[2] / "conf"
AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
LAST_WEEK_US = 1_511_500_000_000_000
LONG_AGO_US = 1_400_000_000_000_000
AWKWARD = 'Ben & Jerry\'s "Half" <Baked> Glacé 抹茶 ' + "very long " * 30


def table(name: str, rows: Sequence[dict[str, object]]) -> pa.Table:
    schema = TABLES[name]
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **row} for row in rows], schema)


def write_lake(home: Path, products: Sequence[dict[str, object]]) -> None:
    """A lake where p0 sells best, then p1 and so on; what sold long ago does not count."""
    lake = home / "lake"
    items = [
        {
            "event_id": f"{product['product_id']}-{buyer}-{ts_us}",
            "customer_id": str(buyer),
            "event": ORDER_COMPLETED,
            "ts_us": ts_us,
            "product_id": product["product_id"],
        }
        for place, product in enumerate(products)
        for ts_us, buyers in ((LAST_WEEK_US, 30 - place), (LONG_AGO_US, place * 2))
        for buyer in range(buyers)
    ]
    for name, day, rows in (
        ("events", "day=2017-11-24", [{"event_id": "e", "ts_us": LAST_WEEK_US}]),
        ("items", "day=2017-11-24", items),
        ("catalogue", "", products),
        ("customers", "", []),
        ("consents", "", []),
    ):
        folder = lake / name / day if day else lake
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(name, rows), folder / ("part.parquet" if day else f"{name}.parquet"))


def product(product_id: str, **given: object) -> dict[str, object]:
    return {
        "product_id": product_id,
        "name": f"Product {product_id}",
        "category": "GROCERY/MILK",
        "price_minor": 199,
        "currency": "USD",
        "available": True,
        **given,
    }


def campaign_shop(tmp_path: Path) -> Settings:
    """Write the shop under `tmp_path`; its `conf` may be changed."""
    shutil.copytree(CONF, tmp_path / "conf")
    products = [product(f"p{number}") for number in range(20)]
    products[0]["name"] = AWKWARD
    products[2]["available"] = False
    products[3]["category"] = "FUEL/UNLEADED"
    products[5]["name"] = products[4]["name"]
    write_lake(tmp_path / "var", products)
    return Settings(home=tmp_path / "var", conf=tmp_path / "conf")
