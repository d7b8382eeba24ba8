from __future__ import annotations

import math
from datetime import timedelta

import pytest

from features.shop import Shop
from ingest.contract import EMAIL_CLICKED, PRODUCT_ADDED, PRODUCT_VIEWED
from tests.features.conftest import NOW, Happened
from tests.parity import worked_out

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def order(age: timedelta, *lines: str, **given: object) -> Happened:
    return Happened(customer="ann", at=NOW - age, lines=lines, **given)  # type: ignore[arg-type]


def of_ann(
    rows: list[Happened], *features: str, shop: Shop | None = None
) -> dict[str, float | str]:
    [ann] = worked_out(rows, *features, shop=shop).values()
    return ann


DEPARTMENTS = tuple(
    f"department_{what}_{place}" for place in (1, 2, 3) for what in ("top", "share")
)


def test_a_view_counts_one_a_cart_three_and_a_purchase_five() -> None:
    rows = [
        order(DAY, "VIEWED", event=PRODUCT_VIEWED),
        order(DAY, "CARTED/X", event=PRODUCT_ADDED),
        order(DAY, "BOUGHT/Y"),
    ]

    found = of_ann(rows, *DEPARTMENTS, "departments", "department_entropy")

    shares = {"BOUGHT": 5 / 9, "CARTED": 3 / 9, "VIEWED": 1 / 9}
    assert [found[name] for name in DEPARTMENTS[::2]] == [*shares]
    assert [found[name] for name in DEPARTMENTS[1::2]] == pytest.approx([*shares.values()])
    assert found["departments"] == 3.0
    entropy = -sum(share * math.log(share) for share in shares.values())
    assert found["department_entropy"] == pytest.approx(entropy, rel=1e-12)


def test_a_taste_halves_every_ninety_days() -> None:
    found = of_ann([order(90 * DAY, "OLD"), order(timedelta(microseconds=1), "NEW")], *DEPARTMENTS)

    assert [found[name] for name in DEPARTMENTS[::2]] == ["NEW", "OLD", ""]
    assert [found[name] for name in DEPARTMENTS[1::2]] == pytest.approx([2 / 3, 1 / 3, 0.0])


def test_ties_are_broken_by_the_alphabet_and_the_rest_is_cut_off() -> None:
    found = of_ann([order(DAY, "D", "B", "A", "C")], *DEPARTMENTS, "departments")

    assert list(found.values()) == ["A", 0.25, "B", 0.25, "C", 0.25, 4.0]


def test_one_taste_only_has_no_entropy_and_none_has_no_name() -> None:
    one = of_ann([order(DAY, "A", "A")], "department_entropy", "department_share_1")
    none = of_ann([order(DAY, brand=None)], "brand_entropy", "brand_top_1", "brand_share_1")

    assert one == {"department_entropy": 0.0, "department_share_1": 1.0}
    assert none == {"brand_top_1": "", "brand_share_1": 0.0, "brand_entropy": 0.0}


def test_prices_fall_into_bands_of_the_base_currency() -> None:
    rows = [order(DAY, "A", price=price, currency="USD") for price in (2_300, 2_200, 2_100)]

    found = of_ann(
        rows,
        "price_band_top_1",
        "price_band_share_1",
        shop=Shop(currency="EUR", rates={"USD": 0.9}),
    )

    assert found == {"price_band_top_1": "10", "price_band_share_1": pytest.approx(2 / 3)}


HOURS = ("order_hour", "order_hour_strength")


def test_the_mean_of_eleven_at_night_and_one_in_the_morning_is_midnight() -> None:
    late, early = order(DAY + HOUR, "A"), order(DAY - HOUR, "A")

    found = of_ann([late, early], *HOURS)

    # The later order weighs a little more, by 2 hours of a half-life of 365 days.
    apart = float(found["order_hour"]) + 12.0
    assert apart % 24 - 12.0 == pytest.approx(0.0, abs=1e-3)
    assert found["order_hour_strength"] == pytest.approx(math.cos(math.pi / 12), rel=1e-6)


def test_hours_that_cancel_out_and_no_hours_are_noon() -> None:
    opposite = of_ann([order(DAY, "A"), order(DAY - 12 * HOUR, "A")], *HOURS)
    nothing = of_ann([order(DAY, "A", event=PRODUCT_VIEWED)], *HOURS)

    assert float(opposite["order_hour_strength"]) < 1e-3
    assert nothing == {"order_hour": 12.0, "order_hour_strength": 0.0}


@pytest.mark.parametrize(
    ("timezone", "hour"), [("UTC", 23.5), ("Europe/Berlin", 0.5), ("Australia/Lord_Howe", 10.5)]
)
def test_the_hour_is_on_the_shop_s_clock(timezone: str, hour: float) -> None:
    click = order(DAY - timedelta(hours=23, minutes=30), event=EMAIL_CLICKED)

    found = of_ann([click], "mail_hour", "mail_hour_strength", shop=Shop(timezone=timezone))

    assert list(found.values()) == pytest.approx([hour, 1.0], abs=1e-9)


def test_the_place_is_that_of_the_last_event_that_names_a_country() -> None:
    rows = [
        order(3 * DAY, country="DE", region="BE", city="Berlin"),
        order(2 * DAY, country="FR", city="Lyon"),
        order(DAY, city="Nowhere"),
    ]

    assert of_ann(rows, "country", "region", "city") == {
        "country": "FR",
        "region": "",
        "city": "Lyon",
    }


def test_a_device_and_a_weekday_are_the_usual_ones() -> None:
    rows = [
        order(DAY, device="mobile"),  # Thursday 29 February
        order(8 * DAY, device=" mobile "),
        order(2 * DAY, device="desktop", event=PRODUCT_VIEWED),
    ]

    found = of_ann(rows, "device_top_1", "weekday_top_1")

    assert found == {"device_top_1": "mobile", "weekday_top_1": "Thu"}
