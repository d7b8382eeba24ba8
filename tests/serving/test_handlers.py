from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from privacy.consent import PERSONALISATION
from profiles.decisions import render_decision_id
from profiles.profile import Profile
from serving.brain import Brain
from serving.handlers import answer, predict, recommend
from serving.messages import Prediction, PredictRequest, Recommendation, RecommendRequest
from tests.serving import shop

OpenBrain = Callable[[Path], Brain]


def ask_predict(brain: Brain, *customer_ids: str, **asked: object) -> list[dict[str, Any]]:
    recipients = [{"customer_id": each} for each in customer_ids]
    request = PredictRequest.model_validate({"recipients": recipients, **asked})
    results = predict(brain, request, customer_ids)
    for each in results:
        Prediction.model_validate(each)
    return results


def ask_recommend(brain: Brain, customer_id: str, **asked: object) -> dict[str, Any]:
    given = {"recipients": [{"customer_id": customer_id}], **asked}
    result = recommend(brain, RecommendRequest.model_validate(given), [customer_id])[0]
    Recommendation.model_validate(result)
    return result


def ids(recommendation: dict[str, Any]) -> list[str]:
    return [product["product_id"] for product in recommendation["products"]]


def numbered(*numbers: int) -> list[str]:
    return [f"p{number}" for number in numbers]


def test_a_prediction_is_that_of_the_snapshot_with_its_reasons(brain: Brain) -> None:
    (got,) = ask_predict(brain, "ann")

    assert got == {
        "customer_id": "ann",
        "outputs": {
            "p_order_30d": 0.25,
            "cluster": "regulars",
            "cluster_traits": ["frequent"],
            "recency_days": 3.0,
            "churn": None,
        },
        "reasons": {
            "p_order_30d": "last order 3 days ago, 3 orders in a year",
            "cluster": "frequent",
        },
        "why_null": {"churn": "no churn model has been trained"},
        "rung": "snapshot",
        "model_versions": {"propensity-order-30d": "1", "recommender": "4"},
        "as_of": "2024-05-31T12:00:00+00:00",
    }


def test_only_the_outputs_asked_for_and_an_unknown_one_says_so(brain: Brain) -> None:
    (got,) = ask_predict(brain, "ann", outputs=["cluster", "shoe_size"])

    assert got["outputs"] == {"cluster": "regulars", "shoe_size": None}
    assert "shoe_size" in got["why_null"]["shoe_size"]


@pytest.mark.parametrize(
    ("customer_id", "why"),
    [
        pytest.param("bob", "no consent to personalisation", id="no-consent"),
        pytest.param("nobody", "no consent to personalisation", id="unknown-has-not-agreed"),
        pytest.param("new", "nothing is known of this customer yet", id="agreed-but-new"),
    ],
)
def test_what_cannot_be_said_is_null_with_the_reason(
    brain: Brain, customer_id: str, why: str
) -> None:
    (got,) = ask_predict(brain, customer_id, outputs=["p_order_30d"])

    assert got["outputs"] == {"p_order_30d": None}
    assert got["why_null"] == {"p_order_30d": why}
    assert got["rung"] == "static"


def test_a_list_is_topped_up_from_the_cluster_then_from_everybody(brain: Brain) -> None:
    got = ask_recommend(brain, "ann", n=35)

    assert got["rung"] == "snapshot"
    assert ids(got) == numbered(*range(20, 40), *range(40, 50), *range(10, 15))
    assert {product["source"] for product in got["products"]} == {"als", "popularity"}


def test_buy_again_is_never_topped_up_with_what_was_never_bought(brain: Brain) -> None:
    assert ids(ask_recommend(brain, "ann", slot="buy_again", n=50)) == numbered(*range(6))


def test_excluded_dear_and_other_products_are_left_out(brain: Brain) -> None:
    got = ask_recommend(
        brain,
        "ann",
        n=4,
        exclude=["p21"],
        filter={"category": "grocery", "max_price_minor": 124},
    )

    # From p20 on: p20 is soap, p21 excluded, p25 and above too dear; p12 and p13 are popular.
    assert ids(got) == numbered(22, 24, 10, 12)


def test_a_category_counts_whole_words_of_its_path(brain: Brain) -> None:
    assert ids(ask_recommend(brain, "ann", filter={"category": "GROC"})) == []


@pytest.mark.parametrize("customer_id", ["bob", "nobody", "new"])
def test_everybody_else_gets_what_is_popular(brain: Brain, customer_id: str) -> None:
    got = ask_recommend(brain, customer_id, n=3)

    assert (got["rung"], ids(got)) == ("popular", numbered(10, 11, 12))


def test_a_cluster_nothing_is_known_of_is_not_called_a_segment(
    home: Path, open_brain: OpenBrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "profile", lambda key: Profile(key, outputs={"cluster": "gone"}))
    shop.snapshot(home, "ann", day=1)

    got = ask_recommend(open_brain(home), "ann", n=3)

    assert (got["rung"], ids(got)) == ("popular", numbered(10, 11, 12))


def test_withdrawing_consent_counts_at_the_next_call(brain: Brain) -> None:
    assert ask_recommend(brain, "ann")["rung"] == "snapshot"

    brain.withdrawals.withdraw("ann", PERSONALISATION, "test", brain.now())

    assert ask_recommend(brain, "ann")["rung"] == "popular"
    assert ask_predict(brain, "ann")[0]["outputs"]["p_order_30d"] is None


def test_every_recommendation_is_logged_also_the_same_again(home: Path, brain: Brain) -> None:
    given = [ask_recommend(brain, "ann")["decision_id"] for _ in range(2)]
    brain.decisions.flush()
    given.append(ask_recommend(brain, "ann")["decision_id"])
    brain.decisions.flush()

    with sqlite3.connect(home / "decisions.db") as connection:
        rows = connection.execute("SELECT decision_id FROM decisions WHERE kind = 'recommend'")
        logged = [row[0] for row in rows]
    connection.close()
    assert sorted(logged) == sorted(given)
    assert len(set(given)) == 3


def test_without_a_snapshot_the_campaigns_favourites_are_recommended(
    home: Path, open_brain: OpenBrain
) -> None:
    shutil.rmtree(home / "snapshots")
    brain = open_brain(home)

    got = ask_recommend(brain, "ann", n=2)

    assert (got["rung"], ids(got)) == ("static", numbered(50, 51))
    assert "score" in ask_predict(brain, "ann")[0]["why_null"]["p_order_30d"]


def test_with_nothing_at_all_the_list_is_empty_not_an_error(
    tmp_path: Path, open_brain: OpenBrain
) -> None:
    brain = open_brain(tmp_path / "empty")

    assert ask_recommend(brain, "ann")["products"] == []
    first, *others = brain.missing()
    assert "sendwise import" in first  # nothing else can be made before
    assert len(others) == 3


def test_one_order_is_not_orders(brain: Brain, monkeypatch: pytest.MonkeyPatch) -> None:
    once = replace(shop.profile("ann"), features={"recency_days": 1.0, "orders_365d": 1.0})
    monkeypatch.setattr(brain, "profiles", lambda _: {"ann": once})

    (got,) = ask_predict(brain, "ann")

    assert got["reasons"]["p_order_30d"] == "last order 1 day ago, 1 order in a year"


async def ask_many(brain: Brain, customer_ids: list[str]) -> list[str]:
    recipients = [{"customer_id": each} for each in customer_ids]
    request = PredictRequest.model_validate({"recipients": recipients})
    return [each["customer_id"] for each in await answer(predict, brain, request)]


def test_a_large_batch_keeps_its_order(brain: Brain) -> None:
    asked = [f"c{number}" for number in range(1000)]

    assert asyncio.run(ask_many(brain, asked)) == asked


def test_the_ids_of_the_reference_are_of_the_kind_that_is_given(brain: Brain) -> None:
    text = (shop.CONF.parent / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    recommended, rendered = re.findall(r'"decision_id":"([^"]*)"', text)
    given = ask_recommend(brain, "ann")

    assert len(recommended) == len(given["decision_id"])
    assert UUID(recommended).version == UUID(given["decision_id"]).version
    assert rendered == render_decision_id("weekly_picks", "demo-1", "1004")
