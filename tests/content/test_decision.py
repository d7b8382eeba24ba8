from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest

from content.decision import RUNGS, Choice, Decision, Rung, Shown, lowest
from serving.messages import Rung as AnsweredRung

SHOWN = Shown(
    product_id="p1",
    name="Tea",
    price_minor=None,
    currency="USD",
    url=None,
    image_url=None,
    category="DRINKS/TEA",
    source="als",
    score=0.1 + 0.2,
    reason="you like tea",
    rung="snapshot",
)
CHOICE = Choice(slot="hero", block="season", reason="for all", rung="popular", products=(SHOWN,))
DECISION = Decision(
    campaign="weekly_picks",
    version="v1",
    personal=True,
    rung="popular",
    facts={"cluster_traits": ["frequent"], "recency_days": 3},
    context={"store": "Leeds"},
    slots=(CHOICE,),
)


def test_a_decision_is_read_back_from_json_to_the_last_bit() -> None:
    kept = json.loads(json.dumps(DECISION.to_dict()))

    assert Decision.from_dict(kept) == DECISION
    assert set(kept) == {"campaign", "version", "personal", "rung", "facts", "slots", "context"}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda kept: kept.pop("rung"), id="less"),
        pytest.param(lambda kept: kept.update(shape="old"), id="more"),
        pytest.param(lambda kept: kept["slots"][0].pop("products"), id="slot-without-products"),
        pytest.param(lambda kept: kept.pop("slots"), id="no-slots"),
    ],
)
def test_another_shape_is_an_error_that_rendering_answers(
    damage: Callable[[dict[str, Any]], object],
) -> None:
    kept = DECISION.to_dict()
    damage(kept)

    with pytest.raises((LookupError, TypeError)):
        Decision.from_dict(kept)


@pytest.mark.parametrize(
    ("rungs", "expected"),
    [
        (["fresh"], "fresh"),
        (["snapshot", "fresh"], "snapshot"),
        (["fresh", "popular", "segment"], "popular"),
        (list(RUNGS), "static"),
        ([], "static"),
    ],
)
def test_the_lowest_rung_is_the_one_furthest_down(rungs: list[Rung], expected: str) -> None:
    assert lowest(rungs) == expected


def test_the_ladder_is_the_one_the_service_answers_with() -> None:
    assert RUNGS == ("fresh", "snapshot", "segment", "popular", "static")
    assert get_args(AnsweredRung) == RUNGS
