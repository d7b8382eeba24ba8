from __future__ import annotations

from pathlib import Path

import orjson

from benchmarks.recommend import BARS, N, bodies, run
from serving.messages import RecommendRequest


def test_one_customer_is_asked_for_with_everything_and_gets_whole_lists(tmp_path: Path) -> None:
    found = {each.name: each for each in run(tmp_path, products=1_000, customers=20, requests=30)}

    assert list(found) == [each.name for each in BARS]
    assert found["recommend_short_lists"].value == 0
    assert 0 < (found["recommend_p50"].value or 0) <= (found["recommend_p99"].value or 0)


def test_every_wish_is_in_a_request() -> None:
    (body,) = bodies(1_000, 20, 1)

    asked = RecommendRequest.model_validate(orjson.loads(body))

    assert asked.n == N
    assert not asked.model_fields_set.symmetric_difference(
        set(RecommendRequest.model_fields) - {"products"}
    )
    assert asked.filter.model_fields_set == set(type(asked.filter).model_fields)
    assert all((asked.recipients[0].viewed, asked.recipients[0].cart, asked.recipients[0].bought))
