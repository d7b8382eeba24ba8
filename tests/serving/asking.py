"""Asks for products as a caller does, and looks at what came."""

from __future__ import annotations

from typing import Any

from serving.brain import Brain
from serving.messages import Recommendation, RecommendRequest
from serving.recommending import recommend

SESSION = ("viewed", "cart", "bought")
EVERY_SLOT = (
    *("new_for_you", "buy_again", "similar_to", "goes_with"),
    *("trending", "new_arrivals", "popular"),
)


def ask_recommend(brain: Brain, customer_id: str, **asked: object) -> dict[str, Any]:
    session = {name: asked.pop(name) for name in SESSION if name in asked}
    recipient = {"customer_id": customer_id, **session}
    request = RecommendRequest.model_validate({"recipients": [recipient], **asked})
    result = recommend(brain, request, request.recipients)[0]
    Recommendation.model_validate(result)
    return result


def ids(recommendation: dict[str, Any]) -> list[str]:
    return [product["product_id"] for product in recommendation["products"]]


def numbered(*numbers: int) -> list[str]:
    return [f"p{number}" for number in numbers]


def reasons(recommendation: dict[str, Any]) -> dict[str, str]:
    return {each["product_id"]: each["reason"] for each in recommendation["products"]}
