from __future__ import annotations

import json

import pytest

from simulator.seasons import day_factors
from tests.simulator.conftest import Shop


def test_the_shop_tells_its_parameters_and_effects(shop: Shop) -> None:
    told = json.loads((shop.home / "truth" / "shop.json").read_text())

    assert told["parameters"] == {
        "customers": 3_000,
        "days": 182,
        "seed": 5,
        "as_of": "2024-12-20T00:00:00+00:00",
        "events_per_customer": 240,
    }
    mean = shop.number("SELECT avg(effect) FROM true_assignments")
    assert told["campaigns"]["mean_effect"] == pytest.approx(mean, rel=1e-4)
    assert told["timezone"] == "Europe/Berlin"


def test_campaigns_count_their_audience(shop: Shop) -> None:
    wrong = shop.number(
        "SELECT count(*) FROM true_campaigns JOIN (SELECT campaign_id,"
        " count(*) FILTER (treated) AS n, count(*) AS audience, avg(effect) AS effect"
        " FROM true_assignments GROUP BY 1) USING (campaign_id)"
        " WHERE n <> treated OR audience <> treated + held_out OR abs(effect - mean_effect) > 1e-6"
    )

    assert shop.number("SELECT count(*) FROM true_campaigns") == shop.report.campaigns == 26
    assert wrong == 0


def test_the_days_of_the_season_are_told(shop: Shop) -> None:
    season = shop.ask("SELECT * FROM true_seasons")
    first = shop.parameters.chunks()[0][0]

    assert season["factor"].to_numpy() == pytest.approx(day_factors(first, first + 182))
    assert season["in_sale"].sum() == 8


def test_busy_days_are_busy(shop: Shop) -> None:
    orders = shop.ask(
        "SELECT in_sale, count(*) / count(DISTINCT day) AS n FROM true_seasons"
        " JOIN events ON CAST(make_timestamp(ts_us) AS DATE) = day"
        " WHERE event = 'Product Viewed' AND month(day) = 11 GROUP BY 1"
    ).set_index("in_sale")["n"]

    assert orders[True] > 1.4 * orders[False]
