from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ingest.contract import CATALOGUE
from ingest.log import EventLog
from serving.brain import Brain
from serving.catalogue import words


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
