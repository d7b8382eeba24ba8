from __future__ import annotations

import pytest

from core.errors import ConfigError
from features.feature import Feature, checked, facts_of, kinds_of, names, outside_of
from features.formula import Around, Border, Formula, ShopMean, Trait
from features.kinds.decayed import Decayed
from features.kinds.hours import HourOfDay
from features.kinds.place import Place
from features.kinds.tally import Tally
from features.kinds.times import Times
from features.measures import ONE, VALUE
from ingest.contract import EMAIL_OPENED, ORDER_COMPLETED

_orders, _revenue = Tally(ONE, (ORDER_COMPLETED,)), Tally(VALUE, (ORDER_COMPLETED,))


def feature(name: str, value: Formula, default: float | str = 0.0) -> Feature:
    return Feature(name=name, value=value, unit="units", description=".", default=default)


@pytest.mark.parametrize("name", ["orders", "Orders"])  # engines do not tell capitals apart
def test_two_features_of_one_name_are_an_error_that_names_it(name: str) -> None:
    twice = [feature("orders", _orders.total), feature(name, _orders.last(7))]

    with pytest.raises(ConfigError, match=f"two features have the name '{name}'"):
        checked(twice)


@pytest.mark.parametrize("name", ["customer_id", "cutoff_us"])
def test_no_feature_has_the_name_of_a_key(name: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot have the name '{name}'"):
        checked([feature(name, _orders.total)])


def test_an_event_that_the_contract_does_not_know_is_an_error_that_names_both() -> None:
    dreamt = feature("dreams", Tally(ONE, ("Product Dreamt Of",)).total)

    with pytest.raises(ConfigError, match="feature 'dreams' counts the event 'Product Dreamt Of'"):
        checked([feature("orders", _orders.total), dreamt])


def test_features_that_can_live_together_stay_in_their_order() -> None:
    given = (feature("b", _orders.total), feature("a", _revenue.total))

    assert checked(iter(given)) == given
    assert names(given) == ["b", "a"]


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan"), float("inf")])
def test_a_half_life_must_be_a_positive_number(half_life: float) -> None:
    from features.keys import BRAND
    from features.kinds.taste import Taste

    for make in (
        lambda: Decayed(ONE, (ORDER_COMPLETED,), half_life),
        lambda: HourOfDay((ORDER_COMPLETED,), half_life),
        lambda: Taste(BRAND, ((ORDER_COMPLETED, 1.0),), half_life),
    ):
        with pytest.raises(ConfigError, match="half-life must be a positive number of days"):
            make()


def test_what_no_event_says_is_there_once_and_reads_where_somebody_is() -> None:
    place = Place((ORDER_COMPLETED,))
    sides = (place.side("country"), place.side("region"), place.side("city"))
    locale, sun = Trait("locale", "[a-z]+"), Around("context_sun", text=False, place=sides)
    features = [feature("a", locale, ""), feature("b", sun * 2.0), feature("c", sun)]

    assert outside_of(features) == (locale, sun)
    assert features[1].reads == sides
    assert [one.window_days for one in features] == [0, None, None]


def test_a_column_is_text_where_the_default_is() -> None:
    country = feature("country", Place((ORDER_COMPLETED,)).side("country"), default="")

    assert country.dtype == "string"
    assert feature("orders", _orders.total).dtype == "float64"


@pytest.mark.parametrize(
    ("value", "days"),
    [
        pytest.param(_orders.last(7) / _orders.last(90), 90, id="the-longest-window"),
        pytest.param(_orders.last(7) / _orders.total, None, id="the-whole-history"),
        pytest.param(Times((ORDER_COMPLETED,)).since_last, None, id="the-last-may-be-long-ago"),
    ],
)
def test_a_feature_looks_back_as_far_as_what_it_reads(value: Formula, days: int | None) -> None:
    assert feature("x", value).window_days == days


def test_a_kind_behind_several_features_is_one_and_each_read_is_there_once() -> None:
    again = Tally(ONE, (ORDER_COMPLETED,))
    features = [
        feature("a", _orders.total / _orders.last(7)),
        feature("b", again.total + _revenue.total),
    ]

    assert kinds_of(features) == {
        _orders: [_orders.total, _orders.last(7)],
        _revenue: [_revenue.total],
    }


def test_facts_are_there_once_and_what_they_read_is_read() -> None:
    opens = Tally(ONE, (EMAIL_OPENED,))
    mean, border = ShopMean(opens.total, _orders.total), Border(_revenue.total, 2)
    features = [
        feature("a", _orders.total - mean),
        feature("b", _revenue.total.above(border) + mean),
    ]

    assert facts_of(features) == (mean, border)
    assert opens.total in features[0].reads
