from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, Field

from serving.problems import Problem, bad_request, checked, from_status, read_json


class Asked(BaseModel):
    """A request with several ways to go wrong."""

    name: str
    n: int = Field(1, ge=1)
    ids: list[int] = Field(default_factory=list)


def test_a_problem_is_answered_as_rfc_9457_says() -> None:
    problem = Problem(
        "too-large",
        "Too large",
        status=413,
        detail="Less.",
        extra={"most": 5},
        retry_after_s=7,
    )

    answer = problem.response("/v1/predict")

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"
    assert json.loads(answer.body) == {
        "type": "/problems/too-large",
        "title": "Too large",
        "status": 413,
        "detail": "Less.",
        "instance": "/v1/predict",
        "most": 5,
    }


def test_nobody_is_told_to_come_again_for_what_does_not_pass() -> None:
    assert "retry-after" not in bad_request("No.").response("/").headers


@pytest.mark.parametrize(
    ("status", "kind", "answered"),
    [
        (404, "not-found", 404),
        (405, "method-not-allowed", 405),
        (415, "unsupported-media-type", 415),
        (429, "busy", 429),
        (503, "busy", 429),  # overload is never a 5xx
        (504, "busy", 429),
        (500, "internal", 500),
    ],
)
def test_every_status_has_its_problem(status: int, kind: str, answered: int) -> None:
    problem = from_status(status, "/somewhere")

    assert (problem.kind, problem.status) == (kind, answered)
    assert problem.headers == ({"Retry-After": "1"} if answered == 429 else {})


def test_what_keeps_the_contract_is_given_back() -> None:
    assert checked(Asked, {"name": "a", "n": 3}) == Asked(name="a", n=3)


def test_the_first_fault_is_said_and_at_most_five_are_listed() -> None:
    with pytest.raises(Problem) as caught:
        checked(Asked, {"n": 0, "ids": ["secret"] * 9})

    assert caught.value.status == 422
    assert caught.value.detail.startswith("name: Field required (10 more).")
    faults = caught.value.extra["errors"]
    assert [each["where"] for each in faults] == ["name", "n", "ids.0", "ids.1", "ids.2"]
    assert "secret" not in str(faults)


def test_a_body_that_is_no_object_is_called_the_body() -> None:
    with pytest.raises(Problem, match=r"^body: "):
        checked(Asked, [])


def test_an_empty_body_is_an_empty_object() -> None:
    assert read_json(b"") == {}
    assert read_json(b'[1, "\xc5\xbd"]') == [1, "Ž"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b'{"a": 1} x'])
def test_what_is_not_json_is_a_problem(body: bytes) -> None:
    with pytest.raises(Problem, match="The body is not JSON"):
        read_json(body)
