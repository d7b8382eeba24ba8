from __future__ import annotations

import math

import pytest

from features.feature import names
from features.registry import ENGAGEMENT, PROPENSITY, REGISTRY
from features.shop import Shop
from models.feature_words import told, words_of

SHOP = Shop(currency="EUR")


@pytest.mark.parametrize("feature", dict.fromkeys(names((*PROPENSITY, *ENGAGEMENT))))
def test_every_feature_that_propensity_learns_from_has_words(feature: str) -> None:
    assert words_of(feature) is not None
    for value in (0.0, 0.4, 1.0, 17.0, 365.0):
        text = told(feature, value, SHOP)
        assert text
        assert "{" not in text
        assert "nan" not in text
        assert "_" not in text


@pytest.mark.parametrize(
    ("feature", "value", "says"),
    [
        pytest.param("orders_90d", 3.0, "ordered 3 times in 90 days", id="times"),
        pytest.param("orders_30d", 1.0, "ordered once in 30 days", id="once"),
        pytest.param("orders_365d", 0.0, "no order in 365 days", id="none"),
        pytest.param("orders_total", 1_234.0, "ordered 1,234 times ever", id="ever"),
        pytest.param("click_recency_days", 40.3, "last click 40 days ago", id="ago"),
        pytest.param("recency_days", 0.2, "last order less than a day ago", id="today"),
        pytest.param("recency_days", 1.4, "last order 1 day ago", id="a-day"),
        pytest.param("click_recency_days", 3_650.0, "no click yet", id="never"),
        pytest.param("revenue_minor_90d", 12_345.0, "spent 123.45 EUR in 90 days", id="money"),
        pytest.param("revenue_minor_total", 0.0, "spent nothing yet", id="no-money"),
        pytest.param("order_value_minor_90d", 950.0, "spent 9.50 EUR an order in 90 days", id="a"),
        pytest.param("gap_mean_days", 365.0, "one order, or one a year", id="no-gap"),
        pytest.param("gap_mean_days", 6.0, "orders every 6 days on average", id="gap"),
        pytest.param("gap_std_days", 5.07, "time between orders varies by 5.1 days", id="std"),
        pytest.param(
            "overdue_ratio", 0.17, "17 % of the usual time between orders has passed", id="early"
        ),
        pytest.param(
            "overdue_ratio", 4.27, "4.3 times the usual time between orders has passed", id="late"
        ),
        pytest.param(
            "discount_share_90d", 0.004, "less than 1 % off on average in 90 days", id="%"
        ),
        pytest.param("weekend_share_90d", 0.5, "50 % of orders on weekends in 90 days", id="share"),
        pytest.param("coupons_90d", 1.0, "redeemed 1 coupon in 90 days", id="one"),
        pytest.param("mails_90d", 0.0, "got no mailing in 90 days", id="no-mail"),
        pytest.param(
            "department_entropy", math.log(3), "interest spread over 3 departments", id="spread"
        ),
        pytest.param("department_entropy", 0.0, "keeps to one department", id="one-department"),
        pytest.param("session_minutes", 3.44, "session minutes is 3.4", id="without-words"),
    ],
)
def test_values_read_as_a_person_would_say_them(feature: str, value: float, says: str) -> None:
    assert told(feature, value, SHOP) == says


@pytest.mark.parametrize(
    ("currency", "says"),
    [("JPY", "spent 12,345 JPY in 30 days"), ("", "spent 123.45 in 30 days")],
)
def test_money_is_in_the_shops_currency(currency: str, says: str) -> None:
    assert told("revenue_minor_30d", 12_345.0, Shop(currency=currency)) == says


def test_no_words_are_of_features_that_do_not_exist() -> None:
    from models import feature_words

    stems = {feature_words._stem(one.name)[0] for one in REGISTRY}

    assert set(feature_words._WORDS) <= stems
