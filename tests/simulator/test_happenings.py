from __future__ import annotations

import numpy as np

from ingest import contract as k
from simulator.happenings import (
    CHECKOUT,
    ITEM,
    KIND,
    KINDS,
    MAIL_LINKS,
    NONE,
    PAGES,
    THANKS,
    Happenings,
    of_kind,
    records,
)


def happenings(*rows: tuple[int, list[int]]) -> Happenings:
    """Build orders from (instant, products)."""
    counts = [len(products) for _, products in rows]
    items = np.zeros(sum(counts), ITEM)
    items["product"] = [product for _, products in rows for product in products]
    first = np.cumsum(counts) - counts
    ts = np.array([instant for instant, _ in rows])
    return Happenings(records(k.ORDER_COMPLETED, ts, first=first, count=counts), items)


def shown(happened: Happenings) -> list[tuple[int, list[int]]]:
    products = happened.items["product"].tolist()
    return [
        (int(row["ts_us"]), products[row["first"] : row["first"] + row["count"]])
        for row in happened.events
    ]


def test_joined_events_keep_their_items() -> None:
    joined = Happenings.joined([happenings((1, [7]), (2, [8, 9])), happenings((3, [4, 5]))])

    assert shown(joined) == [(1, [7]), (2, [8, 9]), (3, [4, 5])]
    assert len(Happenings.joined([])) == 0


def test_selected_events_bring_their_items_and_no_others() -> None:
    chosen = happenings((1, [7]), (2, [8, 9]), (3, [4])).select(np.array([2, 1, 2]))

    assert shown(chosen) == [(3, [4]), (2, [8, 9]), (3, [4])]
    assert len(chosen.items) == 4


def test_events_that_share_items_get_their_own() -> None:
    shared = happenings((1, [7, 8]))
    twice = Happenings(np.concatenate([shared.events, shared.events]), shared.items)

    assert len(twice.select(np.array([0, 1])).items) == 4


def test_a_split_sorts_what_is_due_keeps_what_is_later_and_drops_what_was_before() -> None:
    now, later = happenings((9, [1]), (3, [2]), (12, [3]), (1, [4]), (3, [5])).split(2, 10)

    assert shown(now) == [(3, [2]), (3, [5]), (9, [1])]
    assert shown(later) == [(12, [3])]


def test_what_is_not_given_is_none() -> None:
    row = records(k.EMAIL_OPENED, np.array([5]), customer=3)[0]

    assert (row["ts_us"], row["customer"], row["kind"]) == (5, 3, KIND[k.EMAIL_OPENED])
    assert {int(row[name]) for name in ("visit", "order", "url", "campaign", "device")} == {NONE}
    assert not row["machine"]


def test_kinds_are_of_the_contract() -> None:
    assert set(KINDS) <= set(k.EVENT_NAMES)
    codes = np.array([KIND[k.PRODUCT_VIEWED], KIND[k.UNSUBSCRIBED]], np.uint8)
    assert of_kind(codes, k.UNSUBSCRIBED, k.EMAIL_SPAM).tolist() == [False, True]


def test_codes_of_pages_lead_to_them() -> None:
    def page(code: int) -> str:
        return PAGES[-2 - code]

    assert page(CHECKOUT).endswith("/checkout")
    assert page(THANKS).endswith("/thanks")
    assert all("/mail/" in page(link) for link in MAIL_LINKS)
    assert len(MAIL_LINKS) == 3
