from __future__ import annotations

import pytest

from models.cluster_names import Trait, names_of, traits_of

MIDDLE = {
    "recency_days": 0.5,
    "orders_90d": 0.5,
    "basket_lines_90d": 0.5,
    "order_value_minor_90d": 0.5,
    "discount_share_90d": 0.5,
    "share_PRODUCE": 0.5,
    "share_DRUG GM": 0.5,
}


def words(**ranks: float) -> list[str]:
    return [trait.word for trait in traits_of({**MIDDLE, **ranks})]


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        pytest.param({}, ["regular", "medium baskets"], id="nothing-stands-out"),
        pytest.param({"orders_90d": 0.8}, ["frequent", "medium baskets"], id="often"),
        pytest.param({"orders_90d": 0.2}, ["occasional", "medium baskets"], id="seldom"),
        pytest.param(
            {"orders_90d": 0.2, "recency_days": 0.8}, ["lapsing", "medium baskets"], id="gone-quiet"
        ),
        pytest.param(
            {"basket_lines_90d": 0.9, "order_value_minor_90d": 0.7},
            ["regular", "big baskets"],
            id="much",
        ),
        pytest.param(
            {"basket_lines_90d": 0.3, "order_value_minor_90d": 0.7},
            ["regular", "few but dear products"],
            id="money-of-few-products",
        ),
        pytest.param(
            {"basket_lines_90d": 0.7, "order_value_minor_90d": 0.42},
            ["regular", "many cheap products"],
            id="many-products-for-little",
        ),
        pytest.param(
            {"basket_lines_90d": 0.9, "order_value_minor_90d": 0.48},
            ["regular", "big baskets"],
            id="much-of-middling-worth",
        ),
        pytest.param(
            {"discount_share_90d": 0.7, "share_PRODUCE": 0.6},
            ["regular", "medium baskets", "deal seekers", "loves produce"],
            id="what-stands-out-most-comes-first",
        ),
        pytest.param(
            {"discount_share_90d": 0.2},
            ["regular", "medium baskets", "full price"],
            id="no-discounts",
        ),
    ],
)
def test_what_sets_a_cluster_apart_becomes_words(
    ranks: dict[str, float], expected: list[str]
) -> None:
    assert words(**ranks) == expected


def test_who_has_no_order_of_late_has_no_basket_and_pays_no_price() -> None:
    ranks = {**MIDDLE, "recency_days": 0.9, "basket_lines_90d": 0.1, "discount_share_90d": 0.2}

    traits = traits_of({**ranks, "share_PRODUCE": 0.6}, pauses="one order")

    assert [trait.word for trait in traits] == ["lapsing", "one order", "loves produce"]
    assert names_of([traits], [ranks]) == ["Lapsing, one order, loves produce"]


def test_names_are_told_apart_by_more_words_and_at_last_by_what_differs_most() -> None:
    base = [Trait("frequent", 0.3), Trait("big baskets", 0.3), Trait("full price", 0.2)]
    clusters = [base, [*base, Trait("loves produce", 0.1)], base, [Trait("lapsing", 0.4)]]
    ranks = [dict(MIDDLE) for _ in clusters]
    ranks[0] |= {"orders_90d": 0.72, "order_value_minor_90d": 0.8}
    ranks[2] |= {"orders_90d": 0.70, "order_value_minor_90d": 0.7}

    assert names_of(clusters, ranks) == [
        "Frequent, big baskets, full price, bigger orders",
        "Frequent, big baskets, full price, loves produce",
        "Frequent, big baskets, full price, smaller orders",
        "Lapsing",
    ]


def test_three_that_all_words_describe_alike_have_three_names_and_no_number() -> None:
    alike = [[Trait("frequent", 0.3)]] * 3
    ranks = [
        {**MIDDLE, "recency_days": 0.1, "share_DRUG GM": 0.5},
        {**MIDDLE, "recency_days": 0.4, "share_DRUG GM": 0.55},
        {**MIDDLE, "recency_days": 0.4, "share_DRUG GM": 0.45},
    ]

    assert names_of(alike, ranks) == [
        "Frequent, more recent",
        "Frequent, less recent, more drug gm",
        "Frequent, less recent, less drug gm",
    ]


def test_what_sets_nobody_apart_is_not_in_a_name() -> None:
    assert names_of([[Trait("regular", 0.0), Trait("medium baskets", 0.0)]], [MIDDLE]) == [
        "Regular"
    ]


def test_who_ordered_once_is_not_called_frequent_however_seldom_others_order() -> None:
    ranks = {**MIDDLE, "orders_90d": 0.8}

    assert traits_of(ranks, once=True)[0].word == "one order"
    assert traits_of(ranks)[0].word == "frequent"
