from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import ConfigError, NotEnoughDataError
from core.settings import Settings
from ingest.contract import EMAIL_OPENED, ORDER_COMPLETED
from models.sufficiency import INSTEAD, MODELS, Facts, Need, needs_of, require, shortfall

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
ENOUGH = Facts(
    as_of=AS_OF,
    least=Settings(),
    horizon=timedelta(days=30),
    event=ORDER_COMPLETED,
    begins=AS_OF - timedelta(days=180),
    customers=500,
    left_out=0,
    first=AS_OF - timedelta(days=180),
    last=AS_OF - timedelta(days=30),
    loyal=1,
    interactions=1_000,
    repeaters=25,
    did=100,
    did_not=100,
    judged=1,
    mail_days=90,
    mails=200,
    opened=100,
    clicked=100,
    redeemed=100,
)


def days_of_orders(days: int) -> Facts:
    begins = AS_OF - timedelta(days=days)
    return replace(ENOUGH, begins=begins, first=begins)


@pytest.mark.parametrize("model", MODELS)
def test_exactly_the_documented_minimum_is_enough(model: str) -> None:
    assert shortfall(ENOUGH, model) == ""
    require(ENOUGH, model)


@pytest.mark.parametrize(
    ("model", "facts", "says"),
    [
        pytest.param("propensity", replace(ENOUGH, did=99), "99 examples who then", id="buyers"),
        pytest.param("propensity", replace(ENOUGH, did_not=99), "99 examples who did", id="others"),
        pytest.param("propensity", replace(ENOUGH, judged=0), "to judge by", id="one-class-later"),
        pytest.param("propensity", days_of_orders(119), "119 days of orders, 120", id="history"),
        pytest.param("churn", replace(ENOUGH, customers=499), "499 customers who", id="churn"),
        pytest.param("value", days_of_orders(179), "179 days of orders, 180", id="value"),
        pytest.param("value", replace(ENOUGH, loyal=0), "0 customers with 3", id="no-rhythm"),
        pytest.param("clusters", replace(ENOUGH, customers=199), "199 cust.* 200", id="clusters"),
        pytest.param("recommender", replace(ENOUGH, interactions=999), "999 lines", id="lines"),
        pytest.param("recommender", replace(ENOUGH, repeaters=24), "24 customers", id="repeaters"),
        pytest.param("recommender", days_of_orders(60), "60 days of orders, 61", id="windows"),
        pytest.param("send-time", replace(ENOUGH, mail_days=89), "89 days of opens", id="opens"),
        pytest.param(
            "engagement-opened-7d", replace(ENOUGH, opened=99), "99 mails opened", id="answered"
        ),
        pytest.param(
            "engagement-clicked-7d",
            replace(ENOUGH, mails=199),
            "99 mails not clicked",
            id="ignored",
        ),
    ],
)
def test_one_less_than_the_minimum_is_refused_in_one_line(
    model: str, facts: Facts, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=says) as caught:
        require(facts, model)

    assert str(caught.value) == shortfall(facts, model)
    assert f"before 2024-07-01 to train {model}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_time_alone_brings_enough_and_the_as_of_is_said() -> None:
    assert "Give" not in shortfall(ENOUGH, "value")
    assert "give an --as-of of 2024-07-02 or later" in shortfall(days_of_orders(179), "value")


def test_the_as_of_that_is_proposed_is_enough_and_the_day_before_is_not() -> None:
    first = datetime(2024, 1, 1, 9, 30, tzinfo=UTC)
    facts = replace(ENOUGH, begins=first, first=first, as_of=datetime(2024, 2, 1, tzinfo=UTC))

    assert "of 2024-06-30 or later" in shortfall(facts, "value")
    for day, enough in ((29, False), (30, True)):
        at = datetime(2024, 6, day, tzinfo=UTC)
        assert needs_of(replace(facts, as_of=at), "value")[1].met is enough


def test_an_old_shop_that_fell_silent_is_told_to_look_back() -> None:
    silent = replace(ENOUGH, last=AS_OF - timedelta(days=31))

    text = shortfall(silent, "churn")

    assert "31 days since the last order, at most 30 may be" in text
    assert "soon after 2024-05-31" in text


@pytest.mark.parametrize(
    ("begins", "says"),
    [
        pytest.param(None, "there are no orders", id="no-order"),
        pytest.param(AS_OF, "orders begin 2024-07-01", id="later-orders"),
    ],
)
def test_before_the_first_order_nothing_is_known(begins: datetime | None, says: str) -> None:
    none = replace(ENOUGH, begins=begins, first=None, last=None, customers=0, did=None)

    assert says in shortfall(none, "propensity")
    assert says in shortfall(none, "value")
    assert shortfall(none, "engagement-opened-7d") == ""  # mails are all it needs


def test_without_time_for_examples_only_the_time_is_lacking() -> None:
    short = replace(days_of_orders(40), did=None, did_not=None, judged=None)

    assert "examples" not in shortfall(short, "propensity")
    assert [need.met for need in needs_of(short, "propensity")] == [False] * 4


def test_it_is_said_where_only_those_who_consent_were_counted() -> None:
    few = replace(ENOUGH, customers=20, left_out=480)

    assert shortfall(few, "value").endswith(
        "That is of those who consent to model_training (20 of 500 customers)."
    )
    assert "consent" not in shortfall(replace(few, left_out=0), "value")


def test_the_minimums_are_settings() -> None:
    small = Settings(least_customers=50, least_horizons=5)

    assert shortfall(replace(ENOUGH, customers=50, least=small), "value") == ""
    assert "180 days of orders" not in shortfall(replace(ENOUGH, least=small), "propensity")
    assert needs_of(replace(ENOUGH, least=small), "propensity")[0].needs == 180


def test_another_event_is_named() -> None:
    opens = replace(ENOUGH, event=EMAIL_OPENED, did=3)

    assert "3 examples with Email Opened after, 100 are needed" in shortfall(opens, "propensity")


def test_one_is_said_in_the_singular() -> None:
    one = Need(what="customers with 3 orders or more", needs=1, has=0)

    assert str(one) == "1 customer with 3 orders or more"
    assert str(replace(one, needs=2_000)) == "2,000 customers with 3 orders or more"


def test_every_model_has_something_in_its_place() -> None:
    assert set(INSTEAD) == set(MODELS)


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ConfigError, match="no model 'hamsters'"):
        require(ENOUGH, "hamsters")
