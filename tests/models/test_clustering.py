from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from models.clustering import (
    RECENCY_FREQUENCY_MONEY,
    Fitted,
    Past,
    fit_clusters,
    require_customers,
)
from tests.models.tribes import tribes

KS = (3, 4, 5)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_clusters(tribes(), seed=7, ks=KS, refits=6)


def test_finds_the_three_kinds_again(fitted: Fitted) -> None:
    assert fitted.chosen.k == 3
    assert fitted.chosen.stability > 0.95
    kinds = np.repeat([2, 1, 0], 100)  # the most valuable first
    assert (fitted.model.predict(tribes()) == kinds).mean() > 0.98


def test_clusters_count_from_the_most_valuable(fitted: Fitted) -> None:
    worth = [cluster.profile["revenue_minor_365d"] for cluster in fitted.model.clusters]

    assert worth == sorted(worth, reverse=True)
    assert [cluster.label for cluster in fitted.model.clusters] == [0, 1, 2]


def test_names_say_what_sets_them_apart(fitted: Fitted) -> None:
    best, _, worst = fitted.model.clusters

    assert best.traits[:2] == ("frequent", "big baskets")
    assert "loves shoes" in best.traits
    assert worst.traits[0] == "lapsing"
    assert "loves books" in worst.traits
    assert len({cluster.name for cluster in fitted.model.clusters}) == 3


def test_who_stays_away_is_called_by_how_often_they_came_not_by_their_basket() -> None:
    frame = tribes()
    of_late = ["orders_90d", "revenue_minor_90d", "basket_lines_90d", "order_value_minor_90d"]
    frame.loc[:99, [*of_late, "discount_share_90d"]] = 0.0  # as the features' defaults are
    once = frame.copy()
    once.loc[:99, "gap_mean_days"] = 365.0

    names = [
        fit_clusters(each, seed=7, ks=(3,), refits=2).model.clusters[2].name
        for each in (frame, once)
    ]

    assert names[0].startswith("Lapsing, several orders")
    assert names[1].startswith("Lapsing, one order")


def test_profiles_are_medians_with_the_shops_beside_them(fitted: Fitted) -> None:
    frame = tribes()

    assert fitted.model.shop["orders_90d"] == frame["orders_90d"].median()
    assert sum(cluster.share for cluster in fitted.model.clusters) == pytest.approx(1)


def test_the_same_customers_give_the_same_clusters(fitted: Fitted) -> None:
    again = fit_clusters(tribes(), seed=7, ks=KS, refits=6)

    assert again.trials == fitted.trials
    assert again.model.clusters == fitted.model.clusters
    assert np.array_equal(again.model.centres, fitted.model.centres)


def test_few_lie_beyond_the_radius_of_their_cluster(fitted: Fitted) -> None:
    placed = fitted.model.place(tribes())

    assert 0 < placed["cluster_outlier"].mean() <= 0.03
    assert placed["cluster_margin"].between(0, 1).all()
    assert placed["cluster_margin"].median() > 0.5  # tribes lie well apart


def test_an_odd_combination_is_an_outlier(fitted: Fitted) -> None:
    odd = tribes().iloc[[250]].assign(recency_days=500.0, gap_mean_days=400.0, share_BOOKS=1.0)

    assert fitted.model.place(odd)["cluster_outlier"].tolist() == [True]


def test_all_algorithms_take_part(fitted: Fitted) -> None:
    names = {trial.name for trial in fitted.trials}

    assert {"k-means, k=3", "k-means, k=5", "ward, k=3", "ward, k=5"} <= names
    assert fitted.naive.algorithm == "z-scores"


def test_the_past_says_how_much_clusters_tell_of_the_future() -> None:
    frame = tribes(seed=1)
    often = np.repeat([False, True, True], 100)
    past = Past(frame=frame, ordered=often, spent_minor=np.repeat([0.0, 10.0, 70.0], 100))

    got = fit_clusters(tribes(), seed=7, past=past, ks=KS, refits=4)

    assert got.chosen.k == 3
    assert got.chosen.eta_ordered > 0.95
    assert got.chosen.eta_spent > 0.95
    assert np.isnan(fit_clusters(tribes(), seed=7, ks=(3,), refits=1).chosen.eta_ordered)


def test_the_future_has_no_part_in_what_is_registered() -> None:
    chance = np.random.default_rng(3)
    future = [chance.permutation(300) < 150, chance.permutation(300) < 20]
    models = [
        fit_clusters(
            tribes(),
            seed=7,
            past=Past(frame=tribes(seed=1), ordered=each, spent_minor=each * 1.0),
            ks=(3,),
            refits=2,
        ).model
        for each in future
    ]

    assert np.array_equal(models[0].centres, models[1].centres)
    assert models[0].clusters == models[1].clusters


def test_distances_may_be_made_of_recency_frequency_and_money() -> None:
    frame = tribes().assign(orders_total=lambda t: t["orders_365d"])
    frame["revenue_minor_total"] = frame["revenue_minor_365d"]

    got = fit_clusters(frame, seed=7, blocks=RECENCY_FREQUENCY_MONEY, ks=(3,), refits=2)

    assert got.model.features[:3] == ("recency_days", "orders_total", "revenue_minor_total")
    assert got.model.scale.weights[:3].tolist() == [1.0, 1.5, 1.0]
    assert got.model.clusters[0].traits[0] == "frequent"  # words come from all habits


def test_works_without_tastes_and_with_gaps() -> None:
    frame = tribes().drop(columns=["share_BOOKS", "share_SHOES"])
    frame.loc[::7, "discount_share_90d"] = np.nan

    got = fit_clusters(frame, seed=7, ks=(3,), refits=2)

    assert got.chosen.k == 3


def test_leaves_its_input_alone() -> None:
    given = tribes()
    before = given.copy(deep=True)

    fit_clusters(given, seed=7, ks=(3,), refits=1)

    pd.testing.assert_frame_equal(given, before)


def test_too_few_customers_are_said_so() -> None:
    with pytest.raises(NotEnoughDataError, match="30 customers are too few"):
        fit_clusters(tribes(size=10), seed=7)


def test_customers_who_are_all_alike_are_not_enough() -> None:
    alike = pd.concat([tribes(size=1).iloc[:1]] * 300, ignore_index=True)

    with pytest.raises(NotEnoughDataError, match="300 customers differ in 1 ways only"):
        fit_clusters(alike, seed=7, ks=KS, refits=2)


def test_one_customer_is_said_in_the_singular() -> None:
    with pytest.raises(NotEnoughDataError, match=r"^1 customer is too few"):
        require_customers(tribes().head(1))
