from __future__ import annotations

from datetime import timedelta

import pytest

from ingest.contract import (
    CHECKOUT_STARTED,
    ORDER_COMPLETED,
    PRODUCT_ADDED,
    PRODUCT_REMOVED,
    PRODUCT_VIEWED,
)
from tests.features.conftest import NOW, Happened
from tests.parity import worked_out

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def did(event: str, age: timedelta, *products: str, **given: object) -> Happened:
    return Happened(
        customer="ann",
        at=NOW - age,
        event=event,
        products=products,
        lines=("BAGS",) * len(products),
        **given,  # type: ignore[arg-type]
    )


def of_ann(rows: list[Happened], *features: str) -> dict[str, float | str]:
    [ann] = worked_out(rows, *features).values()
    return ann


def test_a_cart_is_abandoned_on_a_day_without_an_order() -> None:
    rows = [
        did(PRODUCT_ADDED, 10 * DAY, "p1"),
        did(PRODUCT_ADDED, 10 * DAY - HOUR, "p2"),  # the same day: one cart
        did(PRODUCT_ADDED, 8 * DAY, "p1"),
        did(ORDER_COMPLETED, 8 * DAY - HOUR, "p1"),
        did(CHECKOUT_STARTED, 3 * DAY),
        did(PRODUCT_ADDED, 91 * DAY, "p1"),  # too long ago
    ]

    found = of_ann(rows, "carts_abandoned_90d", "checkouts_abandoned_90d", "cart_hours")

    assert found == {
        "carts_abandoned_90d": 1.0,
        "checkouts_abandoned_90d": 1.0,
        "cart_hours": 8 * 24.0,
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([did(PRODUCT_ADDED, DAY, "p1", price=900, quantity=2)], 1_800.0, id="put-in"),
        pytest.param(
            [
                did(PRODUCT_ADDED, DAY, "p1", price=900, quantity=2),
                did(PRODUCT_REMOVED, HOUR, "p1", price=900, quantity=None),
            ],
            900.0,
            id="one-of-two-taken-out",
        ),
        pytest.param(
            [
                did(PRODUCT_ADDED, 3 * DAY, "p1", price=900),
                did(ORDER_COMPLETED, 2 * DAY, "p1", price=900),
                did(PRODUCT_ADDED, DAY, "p2", price=300),
            ],
            300.0,
            id="since-the-last-order",
        ),
        pytest.param(
            [
                did(PRODUCT_ADDED, 31 * DAY, "p1", price=900),
                did(PRODUCT_REMOVED, DAY, "p1", price=900),
            ],
            0.0,
            id="never-below-zero",
        ),
        pytest.param([did(PRODUCT_ADDED, DAY, "p1")], 0.0, id="no-price"),
    ],
)
def test_the_cart_is_worth_what_was_left_in_it(rows: list[Happened], expected: float) -> None:
    assert of_ann(rows, "cart_value_minor") == {"cart_value_minor": expected}


REPEATS = ("repeat_views_7d", "repeat_viewed_product", "repeat_category_views_7d")


def test_a_product_viewed_again_and_not_bought_is_remembered() -> None:
    rows = [
        *(did(PRODUCT_VIEWED, age * DAY, "p1") for age in (6, 4, 2)),
        *(did(PRODUCT_VIEWED, age * DAY, "p2") for age in (6, 5, 4, 3, 1)),
        did(ORDER_COMPLETED, 2 * DAY, "p2"),
        *(did(PRODUCT_VIEWED, age * DAY, "p3") for age in (20, 19, 18, 17)),
    ]

    # The most viewed was bought; its category with it.
    assert list(of_ann(rows, *REPEATS).values()) == [3.0, "p1", 0.0]


def test_of_products_viewed_as_often_the_first_in_the_alphabet_is_remembered() -> None:
    rows = [did(PRODUCT_VIEWED, age * DAY, name) for age in (1, 2) for name in ("pb", "pa")]

    assert list(of_ann(rows, *REPEATS).values()) == [2.0, "pa", 4.0]


def test_sessions_end_after_half_an_hour_without_an_event() -> None:
    rows = [
        *(did(PRODUCT_VIEWED, 2 * DAY - minutes * MINUTE, "p1") for minutes in (0, 30, 49)),
        did(PRODUCT_VIEWED, 2 * DAY - 80 * MINUTE, "p1"),  # 31 minutes later: another visit
        *(did(PRODUCT_VIEWED, DAY - minutes * MINUTE, "p1") for minutes in (0, 4)),
    ]

    found = of_ann(
        rows,
        "sessions_total",
        "session_minutes",
        "session_events",
        "session_velocity",
        "last_session_velocity",
        "session_velocity_ratio",
        "active_days_30d",
    )

    minutes = 50 + 1 + 5  # each a minute longer than from its first event to its last
    assert found == pytest.approx(
        {
            "sessions_total": 3.0,
            "session_minutes": minutes / 3,
            "session_events": 2.0,
            "session_velocity": 6 / minutes,
            "last_session_velocity": 2 / 5,
            "session_velocity_ratio": (2 / 5) / (6 / minutes),
            "active_days_30d": 2.0,
        },
        rel=1e-12,
    )
