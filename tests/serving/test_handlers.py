from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.brain import Brain
from serving.handlers import answer, predict
from serving.messages import Prediction, PredictRequest
from tests.serving import shop

OpenBrain = Callable[[Path], Brain]


def ask_predict(brain: Brain, *customer_ids: str, **asked: object) -> list[dict[str, Any]]:
    recipients = [{"customer_id": each} for each in customer_ids]
    request = PredictRequest.model_validate({"recipients": recipients, **asked})
    results = predict(brain, request, request.recipients)
    for each in results:
        Prediction.model_validate(each)
    return results


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
            "p_order_30d": "raises: last order 3 days ago",
            "cluster": "frequent",
        },
        "why_null": {"churn": "no churn model has been trained"},
        "rung": "snapshot",
        "model_versions": {"propensity-order-30d": "1", "recommender": "4"},
        "as_of": "2024-05-31T12:00:00+00:00",
        "feature_cutoff": "2024-05-31T12:00:00+00:00",
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


def test_without_a_snapshot_it_says_what_to_run(home: Path, open_brain: OpenBrain) -> None:
    shutil.rmtree(home / "snapshots")

    (got,) = ask_predict(open_brain(home), "ann")

    assert "sendwise score" in got["why_null"]["p_order_30d"]


def test_a_reason_without_its_value_is_not_told(
    brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = replace(shop.profile("ann"), outputs={"p_order_30d": None})
    monkeypatch.setattr(brain, "profiles", lambda _: {"ann": none})

    (got,) = ask_predict(brain, "ann")

    assert got["reasons"] == {}


async def ask_many(brain: Brain, customer_ids: list[str]) -> list[str]:
    recipients = [{"customer_id": each} for each in customer_ids]
    request = PredictRequest.model_validate({"recipients": recipients})
    return [each["customer_id"] for each in await answer(predict, brain, request)]


def test_a_large_batch_keeps_its_order(brain: Brain) -> None:
    asked = [f"c{number}" for number in range(1000)]

    assert asyncio.run(ask_many(brain, asked)) == asked
