from __future__ import annotations

import pytest

from features.measures import ENGAGEMENT, EVENING, UNITS, VALUE, WEEKEND, WORTH, Measure
from features.row import Happening, Line
from features.shop import Shop
from ingest.contract import EMAIL_CLICKED, ORDER_COMPLETED, PRODUCT_VIEWED

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
DOLLARS = Shop(currency="EUR", rates={"USD": 0.5})


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [(3, "USD", 2), (-3, "USD", -2), (3, "EUR", 3), (3, None, 3), (None, "USD", None)],
)
def test_a_value_is_in_the_base_currency(
    value: int | None, currency: str | None, expected: int | None
) -> None:
    row = Happening(ORDER_COMPLETED, 0, value_minor=value, currency=currency)

    assert VALUE.python(DOLLARS)(row) == expected


@pytest.mark.parametrize(
    ("quantity", "price", "units", "worth"),
    [(2, 300, 2, 600), (None, 300, None, 300), (2, None, 2, None), (0, 300, 0, 0)],
)
def test_what_is_put_in_is_worth_its_price_times_its_quantity(
    quantity: int | None, price: int | None, units: int | None, worth: int | None
) -> None:
    row = Line(ORDER_COMPLETED, 0, "p1", None, None, quantity, price, "EUR")

    assert UNITS.python(Shop())(row) == units
    assert WORTH.python(Shop())(row) == worth


@pytest.mark.parametrize(
    ("measure", "ts_us", "expected"),
    [
        pytest.param(WEEKEND, 2 * DAY_US, 1, id="saturday"),
        pytest.param(WEEKEND, 4 * DAY_US - 1, 1, id="the-end-of-sunday"),
        pytest.param(WEEKEND, 4 * DAY_US, 0, id="monday"),
        pytest.param(EVENING, 17 * HOUR_US, 1, id="five-o-clock"),
        pytest.param(EVENING, 17 * HOUR_US - 1, 0, id="before-it"),
    ],
)
def test_weekends_and_evenings(measure: Measure, ts_us: int, expected: int) -> None:
    assert measure.python(Shop())(Happening(ORDER_COMPLETED, ts_us)) == expected


def test_engagement_is_by_the_weights_of_the_shop() -> None:
    weigh = ENGAGEMENT.python(Shop(engagement={"open": 1.0, "click": 7.0, "order": 5.0}))

    assert weigh(Happening(EMAIL_CLICKED, 0)) == 7.0
    assert weigh(Happening(PRODUCT_VIEWED, 0)) is None
