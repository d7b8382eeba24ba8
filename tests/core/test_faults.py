from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.faults import first_fault


class Part(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(extra="forbid")

    size: int = Field(1, ge=1)
    sort: Literal["a", "b"] = "a"


class File(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[a-z]+$", alias="called")
    parts: tuple[Part, ...] = ()
    value: str | list[str] = ""
    share: Annotated[float, Field(gt=0)] = 1
    wait: timedelta = timedelta(0)

    @field_validator("value")
    @classmethod
    def _no_tabs(cls, value: object) -> object:
        if value == "tab":
            raise ValueError("no tabs, please")
        return value


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        ({}, "called", "missing"),
        ({"caled": "a"}, "caled", "unknown; did you mean 'called'?"),
        (
            {"called": "a", "parts": [{"sizes": 1}]},
            "parts.0.sizes",
            "unknown; did you mean 'size'?",
        ),
        ({"called": "a", "parts": [{"x": 1}]}, "parts.0.x", "unknown; there is size, sort"),
        ({"called": "a", "parts": [{"size": 0}]}, "parts.0.size", "must be at least 1"),
        ({"called": "a", "parts": [{"size": "x"}]}, "parts.0.size", "must be a whole number"),
        ({"called": "a", "parts": [{"sort": "c"}]}, "parts.0.sort", "must be 'a' or 'b'"),
        ({"called": "a", "parts": [1]}, "parts.0", "must be keys with values"),
        ({"called": "A"}, "called", "must look like ^[a-z]+$"),
        ({"called": "a", "value": "tab"}, "value", "no tabs, please"),
        ({"called": "a", "value": 1}, "value", "must be text (and 1 more)"),
        ({"called": "a", "share": 0}, "share", "must be more than 0.0"),
        ({"called": "a", "wait": "long"}, "wait", "must be a duration in seconds, or like PT0.2S"),
        ([], "the file", "must be keys with values"),
    ],
)
def test_a_fault_is_said_in_plain_words(given: object, where: str, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        File.model_validate(given)

    assert first_fault(caught.value, File) == (where, what)
