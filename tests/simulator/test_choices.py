from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from core.clock import DAY_US
from simulator.arrays import Codes, Ints
from simulator.assortment import CATEGORIES, draw_assortment
from simulator.choices import PROMOTED, PROMOTED_IN_SALE, Shelf, draw, taste_steps
from simulator.parameters import Parameters
from simulator.people import People, draw_people
from tests.simulator.conftest import Shop

PARAMETERS = Parameters(customers=60_000, days=60, seed=3, as_of=datetime(2024, 12, 20, tzinfo=UTC))
PRODUCTS, PEOPLE = draw_assortment(PARAMETERS), draw_people(PARAMETERS)
FIRST, LAST = PARAMETERS.chunks()[0]
MANY = 60_000


def choose(people: People, customer: int, category: int = 2) -> Codes:
    """Let one customer choose very often from one category."""
    shelf = Shelf(PRODUCTS, people, seed=1)
    who = np.full(MANY, customer, np.int32)
    draws = draw(np.random.default_rng(1), MANY)
    where: Ints = np.full(MANY, category)
    return shelf.choose(shelf.offer(FIRST, LAST), who, where, np.zeros(MANY, np.int64), draws)


def with_(**columns: float) -> People:
    """Return the people, all alike in some respects."""
    changed = {name: np.full_like(getattr(PEOPLE, name), value) for name, value in columns.items()}
    return replace(PEOPLE, **changed)


PLAIN = {"loyalty": 0, "brand_lean": 0, "price_sensitivity": 0, "band": 1}


def test_categories_are_chosen_as_often_as_they_are_liked() -> None:
    shelf = Shelf(PRODUCTS, PEOPLE, seed=1)
    draws = draw(np.random.default_rng(1), MANY)

    for customer in (0, 17):
        chosen = shelf.categories(np.full(MANY, customer, np.int32), draws)
        shares = np.bincount(chosen, minlength=len(CATEGORIES)) / MANY
        assert shares == pytest.approx(PEOPLE.tastes[customer], abs=0.01)


def test_the_steps_of_tastes_ascend() -> None:
    assert (np.diff(taste_steps(PEOPLE.tastes).astype(int), axis=1) >= 0).all()


def test_choices_are_of_the_category_and_on_sale() -> None:
    chosen = choose(PEOPLE, 5)

    assert (PRODUCTS.category[chosen] == 2).all()
    assert PRODUCTS.on_sale(FIRST * DAY_US, LAST * DAY_US)[chosen].all()


def test_popular_products_are_chosen_more_often() -> None:
    counts = np.bincount(choose(with_(**PLAIN), 5), minlength=len(PRODUCTS))

    cell = PRODUCTS.on_sale(FIRST * DAY_US, LAST * DAY_US)
    cell &= (PRODUCTS.category == 2) & (PRODUCTS.band == 1)
    assert np.corrcoef(counts[cell], PRODUCTS.popularity[cell])[0, 1] > 0.8


def test_the_preferred_price_band_is_chosen_most() -> None:
    for band in range(4):
        chosen = choose(with_(**{**PLAIN, "band": band}), 5)
        assert np.bincount(PRODUCTS.band[chosen]).argmax() == band
        assert (PRODUCTS.band[chosen] == band).mean() > 0.6


def test_a_favourite_brand_is_chosen_where_the_category_has_it() -> None:
    brand = int(PRODUCTS.brand[np.flatnonzero(PRODUCTS.category == 2)[0]])
    with_brand = {**PLAIN, "brand": brand}

    little, much = (
        (PRODUCTS.brand[choose(with_(**{**with_brand, "brand_lean": lean}), 5)] == brand).mean()
        for lean in (0.0, 0.9)
    )

    assert much > little + 0.3


def test_the_loyal_have_a_few_usual_products_of_their_own() -> None:
    loyal = with_(**{**PLAIN, "loyalty": 1})

    one, other = ({*choose(loyal, customer).tolist()} for customer in (5, 6))

    assert max(len(one), len(other)) <= 3
    assert one != other


def test_the_thrifty_take_what_is_on_promotion() -> None:
    percent = Shelf(PRODUCTS, PEOPLE, 1).offer(FIRST, LAST).percent[0]

    without, thrifty = (
        (percent[choose(with_(**{**PLAIN, "price_sensitivity": share}), 5)] > 0).mean()
        for share in (0.0, 1.0)
    )

    assert without < 0.3
    assert thrifty > 0.95


def test_promotions_change_every_week_and_are_many_in_the_sale() -> None:
    shelf = Shelf(PRODUCTS, PEOPLE, seed=1)
    sale = 20_053  # 2024-11-26
    usual, other = shelf.offer(FIRST, FIRST + 7).percent[:2]

    assert (usual > 0).mean() == pytest.approx(PROMOTED, abs=0.04)
    assert ((usual > 0) != (other > 0)).any()
    assert (shelf.offer(sale, sale + 1).percent[0] > 0).mean() == pytest.approx(
        PROMOTED_IN_SALE, abs=0.06
    )


def test_heavy_buyers_buy_most_from_the_category_they_like_best(shop: Shop) -> None:
    found = shop.ask(
        "WITH bought AS (SELECT customer_id, split_part(category, '/', 1) AS top, count(*) AS lines"
        " FROM items WHERE event = 'Order Completed' AND customer_id IS NOT NULL GROUP BY ALL)"
        " SELECT customer_id, arg_max(lower(top), lines) AS top, sum(lines) AS lines"
        " FROM bought GROUP BY 1 HAVING sum(lines) >= 20"
    ).set_index("customer_id")
    truth = shop.ask("SELECT * FROM true_customers").set_index("customer_id").loc[found.index]

    tastes = truth.filter(like="taste_").rename(columns=lambda name: name.removeprefix("taste_"))

    first, second = np.sort(tastes.to_numpy(), axis=1)[:, :-3:-1].T
    clear = first > second + 0.1

    right = tastes.idxmax(axis=1).to_numpy() == found["top"].to_numpy()

    assert clear.sum() > 150
    assert right[clear].mean() > 0.85
    assert right.mean() > 0.7  # with two they like alike, it may be the other one


def test_price_sensitive_customers_get_more_off(shop: Shop) -> None:
    found = shop.ask(
        "SELECT price_sensitivity, sum(discount_minor) / sum(value_minor + discount_minor) AS off"
        " FROM events JOIN true_customers USING (customer_id) WHERE event = 'Order Completed'"
        " GROUP BY customer_id, price_sensitivity HAVING count(*) >= 4"
    )

    assert found["price_sensitivity"].corr(found["off"]) > 0.5
