from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest

from ingest.contract import CATALOGUE
from ingest.log import EventLog
from serving.brain import Brain
from serving.catalogue import words
from tests.serving import shop
from tests.serving.asking import EVERY_SLOT, ask_recommend, ids, numbered, reasons


def add(home: Path, *rows: dict[str, object]) -> None:
    log = EventLog(home / "events.db")
    known = {"name": "Milk", "available": True, "attributes": "{}"}
    log.put_products(pa.Table.from_pylist([known | row for row in rows], schema=CATALOGUE))
    log.close()


def look(brain: Brain) -> None:
    brain.catalogue.look(brain.snapshot.products if brain.snapshot else None)


def test_rows_are_kept_until_somebody_writes(home: Path, brain: Brain) -> None:
    before = brain.catalogue.products(["p0", "gone", "p0"])
    add(home, {"product_id": "p0", "price_minor": 7}, {"product_id": "gone"})

    assert set(before) == {"p0"}
    assert brain.catalogue.products(["p0", "gone"]) == before
    look(brain)
    now = brain.catalogue.products(["p0", "gone"])
    assert (now["p0"]["price_minor"], now["gone"]["category"], now["gone"]["currency"]) == (
        7,
        "",
        "",
    )


@pytest.mark.parametrize(
    ("attributes", "available"),
    [
        ("{}", True),
        ('{"sensitive": false, "colour": "red"}', True),
        ('{"words": "not sensitive"}', True),
        ('{"sensitive": true}', False),
        ('{"sensitive": "true"}', False),
    ],
)
def test_what_is_sensitive_is_not_to_be_had(
    home: Path, brain: Brain, attributes: str, available: bool
) -> None:
    add(home, {"product_id": "x", "attributes": attributes})

    assert brain.catalogue.products(["x"])["x"]["available"] is available


def test_what_came_in_after_the_snapshot_is_known_the_newest_first(
    home: Path, brain: Brain
) -> None:
    assert list(brain.catalogue.newest) == []

    add(home, *({"product_id": f"new{number}"} for number in range(120)))
    add(home, {"product_id": "p59", "name": "changed, not new"})
    look(brain)

    assert list(brain.catalogue.newest) == [f"new{number}" for number in range(119, -1, -1)]


def test_what_is_new_is_like_what_shares_its_category_and_words(home: Path, brain: Brain) -> None:
    add(
        home,
        {"product_id": "oat", "name": "Oat milk", "category": "Drinks/Milk"},
        {"product_id": "rice", "name": "Rice milk", "category": "drinks/milk"},
        {"product_id": "soap", "name": "Milk soap", "category": "Soap"},
    )
    look(brain)
    oat = brain.catalogue.products(["oat"])["oat"]

    assert brain.catalogue.newest_like(oat) == {"rice": 2 / 4}  # milk, drinks; oat, rice


def test_a_snapshot_without_products_cannot_tell_what_is_new(home: Path, brain: Brain) -> None:
    brain.catalogue.look(None)

    assert list(brain.catalogue.newest) == []


def test_words_are_those_of_name_and_category(brain: Brain) -> None:
    assert words(brain.catalogue.products(["p0"])["p0"]) == {"product", "0", "grocery", "milk"}


def change(home: Path, product_id: str, **facts: object) -> None:
    """Change a row of the catalogue, as an import does."""
    log = EventLog(home / "events.db")
    rows = log.catalogue().to_pylist()
    known = next((row for row in rows if row["product_id"] == product_id), rows[0])
    row = {**known, "product_id": product_id, **facts}
    log.put_products(shop.products(0).from_pylist([row], schema=log.catalogue().schema))
    log.close()


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"available": False}, id="out-of-stock"),
        pytest.param({"attributes": '{"sensitive": true}'}, id="sensitive"),
    ],
)
def test_what_is_not_to_be_had_is_neither_shown_nor_named(
    home: Path, brain: Brain, facts: dict[str, object]
) -> None:
    change(home, "p33", **facts)
    change(home, "p1", **facts)
    look(brain)

    similar = ask_recommend(brain, "nobody", slot="similar_to", n=59, products=["p0"])
    with_it = ask_recommend(brain, "nobody", slot="goes_with", n=1, products=["p1"])

    assert "p33" not in ids(similar)
    assert reasons(with_it) == {"p34": "Bought together with what you are looking at"}


def test_a_deleted_product_is_never_recommended(home: Path, brain: Brain) -> None:
    with sqlite3.connect(home / "events.db") as store:
        store.execute("DELETE FROM catalogue WHERE product_id IN ('p33', 'p10')")
    store.close()
    look(brain)

    for slot in EVERY_SLOT:
        got = ids(ask_recommend(brain, "ann", slot=slot, n=58, products=["p0"]))
        assert not {"p33", "p10"} & set(got)


def test_a_product_of_today_is_recommended_by_its_content_and_as_new(
    home: Path, brain: Brain
) -> None:
    change(home, "today", name="Product 0 XL", category=shop.CATEGORIES[0])
    look(brain)

    similar = ask_recommend(brain, "nobody", slot="similar_to", n=3, products=["p0"])
    arrived = ask_recommend(brain, "nobody", slot="new_arrivals", n=4)

    assert ids(similar) == ["p33", "today", "p30"]
    assert reasons(similar)["today"] == "Like Product 0"
    assert ids(arrived) == ["today", *numbered(53, 54, 55)]


def test_what_reads_as_the_product_asked_about_is_not_like_it(home: Path, brain: Brain) -> None:
    change(home, "p33", name="PRODUCT 0")
    look(brain)

    similar = ask_recommend(brain, "nobody", slot="similar_to", n=2, products=["p0"])

    assert ids(similar)[0] == "p30"
    assert "p33" not in ids(similar)


def test_nothing_is_like_itself_down_to_the_last_rung(home: Path, brain: Brain) -> None:
    change(home, "p12", name="PRODUCT 2")
    look(brain)

    got = ids(ask_recommend(brain, "new", slot="similar_to", n=60, viewed=["p2"]))

    assert len(got) == 58
    assert not {"p2", "p12"} & set(got)
