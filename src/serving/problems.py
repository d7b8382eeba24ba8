"""Errors over HTTP: RFC 9457 problem+json with stable types, never a traceback."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

M = TypeVar("M", bound=BaseModel)

MEDIA_TYPE: Final = "application/problem+json"

_SHOWN: Final = 5  # faults of one request that are spelt out


class Problem(Exception):  # noqa: N818  # the field's word (RFC 9457)
    """A request that cannot be answered, with what its sender should know.

    Args:
        kind: Last part of the stable type, e.g. ``campaign-unknown``.
        title: What kind of problem it is, the same for every occurrence.
        status: HTTP status.
        detail: One or two sentences on this occurrence and what to do next.
        extra: Further members, JSON-able.
        retry_after_s: When to ask again, for what passes by itself.
    """

    def __init__(
        self,
        kind: str,
        title: str,
        *,
        status: int,
        detail: str,
        extra: dict[str, Any] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.title = title
        self.status = status
        self.detail = detail
        self.extra = extra or {}
        self.headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}

    def response(self, instance: str) -> Response:
        """Return the answer for the request path `instance`."""
        body = {
            "type": f"/problems/{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.extra,
        }
        return Response(orjson.dumps(body), self.status, self.headers, media_type=MEDIA_TYPE)


def bad_request(detail: str, **extra: Any) -> Problem:  # noqa: ANN401  # JSON-able
    """Return the problem of a request that breaks the contract."""
    return Problem("bad-request", "Bad request", status=422, detail=detail, extra=extra)


def from_status(status: int, path: str) -> Problem:
    """Return the problem for an answer that came without one: no such page, wrong method."""
    if status == 404:
        detail = f"There is nothing at {path}. What there is: /docs.json."
        return Problem("not-found", "Not found", status=404, detail=detail)
    if status == 405:
        detail = "This path does not take this method. What there is: /docs.json."
        return Problem("method-not-allowed", "Method not allowed", status=405, detail=detail)
    if status == 415:
        return Problem(
            "unsupported-media-type", "Unsupported media type", status=415, detail="Send JSON."
        )
    if status in {429, 503, 504}:
        detail = "The service is too busy to answer in time. Ask again in a second."
        return Problem("busy", "Too busy", status=429, detail=detail, retry_after_s=1)
    detail = "The service could not answer; its log says why."
    return Problem("internal", "Internal error", status=status, detail=detail)


def checked(model: type[M], given: object) -> M:
    """Return `given` as a `model`.

    Raises:
        Problem: It breaks the contract; the detail says where. What was sent is not repeated.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = [
            {"where": ".".join(str(part) for part in each["loc"]) or "body", "what": each["msg"]}
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = faults[0]
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        raise bad_request(
            f"{first['where']}: {first['what']}{more}. See /docs.json.", errors=faults[:_SHOWN]
        ) from None


def read_json(body: bytes) -> object:
    """Return the JSON of a request body.

    Raises:
        Problem: It is not JSON.
    """
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The body is not JSON: {error}.") from None
