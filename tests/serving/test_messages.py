from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from serving.messages import PredictRequest, RecommendRequest, RenderRequest
from serving.problems import Problem, checked

MODELS: dict[str, type[BaseModel]] = {
    "predict": PredictRequest,
    "recommend": RecommendRequest,
    "render": RenderRequest,
}


def people(*customer_ids: object) -> dict[str, Any]:
    return {"recipients": [{"customer_id": each} for each in customer_ids]}


def told(context: dict[str, object]) -> dict[str, Any]:
    return {"recipients": [{"customer_id": "a", "context": context}]}


@pytest.mark.parametrize(
    ("question", "body", "where"),
    [
        pytest.param("predict", people(5), "recipients.0.customer_id", id="id-is-a-number"),
        pytest.param("predict", people("a", ""), "recipients.1.customer_id", id="empty-id"),
        pytest.param("predict", people("a" * 257), "recipients.0.customer_id", id="long-id"),
        pytest.param("predict", people(*"a" * 1001), "recipients", id="1001-recipients"),
        pytest.param("predict", people("a") | {"output": []}, "output", id="misspelt-field"),
        pytest.param("recommend", people("a") | {"n": 0}, "n", id="n-too-small"),
        pytest.param("recommend", people("a") | {"n": 101}, "n", id="n-too-large"),
        pytest.param("recommend", people("a") | {"slot": "x"}, "slot", id="unknown-slot"),
        pytest.param("recommend", people("a") | {"filter": {"x": 1}}, "filter.x", id="filter"),
        pytest.param("recommend", people("a") | {"products": ["p"] * 51}, "products", id="51-ids"),
        pytest.param("recommend", people("a") | {"products": [""]}, "products.0", id="empty-id"),
        pytest.param(
            "recommend",
            {"recipients": [{"customer_id": "a", "viewed": ["p"] * 51}]},
            "recipients.0.viewed",
            id="51-viewed",
        ),
        pytest.param("predict", told({"a": {}}), "recipients.0.context.a", id="in-all-questions"),
        pytest.param("render", told({"a": {}}), "recipients.0.context.a", id="context-is-flat"),
        pytest.param("render", told({"a b": 1}), "recipients.0.context", id="context-name"),
        pytest.param("render", told({"a": "x" * 1001}), "context.a", id="context-too-long"),
        pytest.param(
            "render",
            told({f"a{n}": 1 for n in range(21)}),
            "recipients.0.context",
            id="context-too-large",
        ),
        pytest.param("render", people("a"), "campaign", id="no-campaign"),
    ],
)
def test_what_breaks_the_contract_is_refused_and_named(
    question: str, body: object, where: str
) -> None:
    with pytest.raises(Problem) as caught:
        checked(MODELS[question], body)

    assert where in str(caught.value)


def test_a_context_holds_plain_values_and_may_be_left_out() -> None:
    context = {"store": "Leeds", "points": 120, "rate": 0.5, "new": True, "empty": None}

    given = RenderRequest.model_validate(told(context) | {"campaign": "weekly_picks"})
    without = RenderRequest.model_validate(people("a") | {"campaign": "weekly_picks"})

    assert given.recipients[0].context == context
    assert without.recipients[0].context == {}


@pytest.mark.parametrize("question", sorted(MODELS))
def test_every_question_takes_the_same_recipients(question: str) -> None:
    campaign = {"campaign": "weekly_picks"} if question == "render" else {}

    asked = checked(MODELS[question], told({"store": "Leeds"}) | campaign)

    assert asked.model_dump()["recipients"][0]["context"] == {"store": "Leeds"}
