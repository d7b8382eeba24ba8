from __future__ import annotations

import json

from tests.ingest.shop import CUSTOMERS, EVENTS, PRODUCTS, Shop


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


def test_quarantine_keeps_file_and_content(shop: Shop) -> None:
    shop.take(events=EVENTS + "C1,1,soon,ann,tea,1,3.50\n")

    [(source, file, row, payload)] = shop.query("SELECT source, file, row, payload FROM quarantine")
    assert (source, file, row) == ("shop", "events.csv", 5)
    assert json.loads(str(payload))["order_no"] == "C1"


def test_a_changed_price_updates_the_catalogue_and_leaves_old_orders(shop: Shop) -> None:
    shop.take(events=EVENTS, products=PRODUCTS)
    report = shop.take(products=PRODUCTS.replace("3.50", "4.00"), events=EVENTS)

    products = next(part for part in report.sections if part.section == "products")
    assert (report.products, products.accepted, products.duplicate) == (0, 1, 1)
    assert shop.dump()["items"][0][6] == 350
