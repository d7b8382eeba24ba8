"""What is wrong with a settings, mapping or campaign file, in one plain line.

Pydantic's own words ("Extra inputs are not permitted") are about its types, not about the file.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

_WORDS: Final = {
    "missing": "missing",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a number",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must look like {pattern}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "literal_error": "must be {expected}",
}
_KINDS: Final = {  # beginnings of pydantic's names for a value of the wrong type
    "int_": "must be a whole number",
    "float_": "must be a number",
    "bool_": "must be true or false",
    "time_delta_": "must be a duration in seconds, or like PT0.2S",
    "dict_": "must be keys with values",
    "model_": "must be keys with values",
    "tuple_": "must be a list",
    "list_": "must be a list",
}
_TYPES: Final = re.compile(r"str|int|float|bool|.*[\[\]-].*")  # a branch of a union, no key


def first_fault(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return where in the file the first fault is, and what it is.

    Args:
        error: What `model` said of the content of a file.
        model: The whole file; its names are what an unknown one is compared with.
    """
    # A misspelt key also leaves its field missing: the key is what to show.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    loc = [part for part in first["loc"] if not _TYPES.fullmatch(str(part))]
    where = ".".join(str(part) for part in loc) or "the file"
    more = error.error_count() - 1
    kind, context = str(first["type"]), first.get("ctx", {})
    if kind == "extra_forbidden":
        return where, _unknown(str(loc[-1]), _names(model, loc[:-1]))
    what = _WORDS.get(kind) or next(
        (words for start, words in _KINDS.items() if kind.startswith(start)), ""
    )
    what = what.format(**context) if what else first["msg"].removeprefix("Value error, ")
    return where, f"{what} (and {more} more)" if more else what


def _unknown(name: str, known: list[str]) -> str:
    if near := get_close_matches(name, known, n=1):
        return f"unknown; did you mean {near[0]!r}?"
    return f"unknown; there is {', '.join(known)}"


def _names(model: type[BaseModel], path: list[Any]) -> list[str]:
    """Return the names of the part of `model` that `path` leads to."""
    for part in path:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        models = _models(fields[part].annotation) if part in fields else []
        model = models[0] if models else model
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401  # any type there is
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]
