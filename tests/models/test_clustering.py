from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import NotEnoughDataError
from features.feature import names
from features.registry import CLUSTERS
from models.clustering import Fitted, Trial, choose, fit_clusters, require_customers

KS = (3, 4, 5)


def tribes(seed: int = 0, size: int = 100) -> pd.DataFrame:
    """Three kinds of customers, told apart by rhythm, basket and taste; the last buys most."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {name: [] for name in names(CLUSTERS)}
    columns |= {"share_BOOKS": [], "share_SHOES": []}
    for often, much, books in ((1, 1, 0.8), (8, 1, 0.5), (8, 6, 0.2)):
        wobble = random.lognormal(sigma=0.15, size=(len(columns), size))
        typical = {
            "recency_days": 40 / often,
            "gap_mean_days": 60 / often,
            "basket_lines_90d": 3 * much,
            "order_value_minor_90d": 2_000 * much,
            "share_BOOKS": books,
            "share_SHOES": 1 - books,
            "discount_share_90d": 0.1,
            "department_entropy": 1.0,
        }
        for row, name in enumerate(columns):
            usual = typical.get(name, 3.0 * often * (much if "revenue" in name else 1))
            columns[name] += (usual * wobble[row]).tolist()
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_clusters(tribes(), seed=7, ks=KS, refits=6)


def test_finds_the_three_kinds_again(fitted: Fitted) -> None:
    assert fitted.chosen.k == 3
    assert fitted.chosen.stability > 0.95
    kinds = np.repeat([2, 1, 0], 100)  # the most valuable first
    assert (fitted.labels == kinds).mean() > 0.98


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


def test_predicts_what_it_was_fitted_to(fitted: Fitted) -> None:
    assert fitted.model.predict(tribes()).tolist() == fitted.labels.tolist()


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


def trial(k: int, stability: float, smallest: float = 0.2) -> Trial:
    return Trial(k=k, stability=stability, worst=0.5, smallest=smallest, silhouette=0.9 / k)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        pytest.param([trial(3, 0.99), trial(4, 0.91), trial(5, 0.8)], 4, id="largest-stable"),
        pytest.param([trial(3, 0.99), trial(4, 0.95, 0.01)], 3, id="not-with-a-tiny-cluster"),
        pytest.param([trial(3, 0.6), trial(4, 0.7)], 4, id="none-stable-then-the-most-stable"),
        pytest.param([trial(3, 0.6, 0.01), trial(4, 0.5, 0.02)], 3, id="all-tiny"),
    ],
)
def test_k_is_chosen_by_stability_and_size_not_by_silhouette(
    trials: list[Trial], expected: int
) -> None:
    assert choose(trials).k == expected


def test_customers_who_are_all_alike_are_not_enough() -> None:
    alike = pd.concat([tribes(size=1).iloc[:1]] * 300, ignore_index=True)

    with pytest.raises(NotEnoughDataError, match="300 customers differ in 1 ways only"):
        fit_clusters(alike, seed=7, ks=KS, refits=2)


def test_one_customer_is_said_in_the_singular() -> None:
    with pytest.raises(NotEnoughDataError, match=r"^1 customer is too few"):
        require_customers(tribes().head(1))
