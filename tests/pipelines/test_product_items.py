"""Products of the shop of four customers that test_score_customers scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ingest.contract import CATALOGUE
from ingest.lake import connect
from models import kin
from models.assortment import Assortment, read_assortment
from models.reasons import UNSOLD
from models.recommender import Recommender
from pipelines.product_items import items_digest, items_of, kinship
from profiles.products import Item, unpack_kin
from tests.pipelines.test_score_customers import AS_OF, ORDERS, table, write_lake
from tests.test_rankers import hybrid_of

NEW = {"product_id": "mug", "name": "mug", "category": "Home/Mugs", "image_url": "x.png"}


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake, with a mug that never sold."""
    write_lake(tmp_path)
    path = tmp_path / "lake" / "catalogue.parquet"
    rows = pq.read_table(path).to_pylist()
    pq.write_table(table(CATALOGUE, [*rows, NEW]), path)
    with connect(tmp_path) as connection:
        yield connection


@pytest.fixture
def stock(lake: duckdb.DuckDBPyConnection) -> Assortment:
    """Its assortment."""
    return read_assortment(lake, before=AS_OF)


def test_products_come_in_the_order_they_sell_and_what_never_sold_last(
    lake: duckdb.DuckDBPyConnection, stock: Assortment
) -> None:
    items = list(items_of(lake, stock, {}))

    assert [each.product_id for each in items] == ["milk", "tea", "bread", "petrol", "mug"]
    assert items[-1] == Item("mug", "home/mugs", None, has_image=True, score=0.0, reason=UNSOLD)
    assert (items[0].category, items[0].has_image) == ("food/dairy", False)
    assert (items[0].reason, items[3].reason) == ("Popular with our customers", UNSOLD)


def test_without_a_hybrid_orders_of_those_who_may_be_learnt_from_tell_what_goes_together(
    lake: duckdb.DuckDBPyConnection, stock: Assortment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kin, "FEW", 1)  # there are six orders
    rules = Recommender(stock)

    def with_bread(*teachers: str) -> list[str]:
        known = kinship(lake, stock, rules, teachers, as_of=AS_OF)
        items = list(items_of(lake, stock, known))
        bread = next(each for each in items if each.product_id == "bread")
        return [items[number].product_id for number in unpack_kin(bread.goes_with).numbers]

    assert with_bread("ann") == ["milk"]
    assert sorted(with_bread("ann", "cyd")) == ["milk", "tea"]
    assert with_bread() == []


def test_with_a_hybrid_its_own_models_tell(
    lake: duckdb.DuckDBPyConnection, stock: Assortment
) -> None:
    hybrid = hybrid_of()
    recommender = Recommender(hybrid.assortment, hybrid).at(stock)

    known = kinship(lake, stock, recommender, [], as_of=AS_OF)

    assert set(known) == {"similar_to", "goes_with", "bought_too"}
    assert known["goes_with"].name == "together"
    assert known["similar_to"].similarity.shape == (5, 5)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE catalogue SET name = 'green tea' WHERE product_id = 'tea'",
        "UPDATE catalogue SET image_url = 'tea.png' WHERE product_id = 'tea'",
        "UPDATE items SET event_id = 'o1' WHERE event_id = 'o2'",  # two orders are one now
    ],
)
def test_the_digest_tells_other_texts_pictures_and_orders(
    lake: duckdb.DuckDBPyConnection, change: str
) -> None:
    for name in ("catalogue", "items"):
        lake.execute(f"CREATE TEMP TABLE copy_{name} AS FROM {name}")
    before = items_digest(lake, as_of=AS_OF)
    assert items_digest(lake, as_of=AS_OF) == before

    for name in ("catalogue", "items"):
        lake.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM copy_{name}")
        change = change.replace(f"UPDATE {name}", f"UPDATE copy_{name}")
    assert items_digest(lake, as_of=AS_OF) == before
    lake.execute(change)

    assert items_digest(lake, as_of=AS_OF) != before


def test_what_comes_later_is_not_looked_at(lake: duckdb.DuckDBPyConnection) -> None:
    assert len(ORDERS) == 6
    before = items_digest(lake, as_of=AS_OF)

    lake.execute("CREATE TEMP TABLE past AS FROM items WHERE ts_us < epoch_us($1)", [AS_OF])
    lake.execute("CREATE OR REPLACE TEMP VIEW items AS FROM past")

    assert items_digest(lake, as_of=AS_OF) == before
