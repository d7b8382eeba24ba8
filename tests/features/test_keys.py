from __future__ import annotations

import pytest

from features.keys import CATEGORY, DEPARTMENT, PRICE_BAND, WEEKDAY, Key
from features.row import Happening, Line
from features.shop import Shop
from ingest.contract import ORDER_COMPLETED

DAY_US = 86_400_000_000


def line(category: str | None = None, price: int | None = None, currency: str = "EUR") -> Line:
    return Line(ORDER_COMPLETED, 0, "p1", category, None, 1, price, currency)


@pytest.mark.parametrize(
    ("key", "category", "expected"),
    [
        (DEPARTMENT, " SHOES /BOOTS", "SHOES"),
        (DEPARTMENT, "/BOOTS", None),
        (DEPARTMENT, None, None),
        (CATEGORY, " SHOES/BOOTS ", "SHOES/BOOTS"),
        (CATEGORY, "  ", None),
    ],
)
def test_a_blank_text_is_no_key(key: Key, category: str | None, expected: str | None) -> None:
    assert key.python(Shop())(line(category)) == expected


@pytest.mark.parametrize(
    ("price", "shop", "expected"),
    [
        (None, Shop(), None),
        (-5, Shop(), "0"),
        (99, Shop(), "0"),
        (100, Shop(), "1"),
        (4_999, Shop(), "20"),
        (5_000_000, Shop(), "1000"),
        (49, Shop(currency="JPY"), "20"),
        (2_200, Shop(currency="USD", rates={"EUR": 1.1}), "20"),
    ],
)
def test_a_price_falls_into_a_band(price: int | None, shop: Shop, expected: str | None) -> None:
    assert PRICE_BAND.python(shop)(line(price=price)) == expected


@pytest.mark.parametrize(("day", "name"), [(0, "Thu"), (2, "Sat"), (4, "Mon")])
def test_1970_began_on_a_thursday(day: int, name: str) -> None:
    assert WEEKDAY.python(Shop())(Happening(ORDER_COMPLETED, day * DAY_US)) == name
