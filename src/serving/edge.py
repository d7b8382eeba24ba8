"""What every request passes on its way in and out: labels, size, content type, problems.

BentoML puts the path of a request into its metrics, traces and logs: there a path must not
name a customer. It answers its own errors in its own words, and parses a body by its
Content-Type: here all errors become problem+json, and a body is JSON whatever its label says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import MEDIA_TYPE, Problem, from_status
from serving.unsubscribe import not_done

MAX_BODY: Final = 4_000_000  # bytes; a thousand recipients with some context take far less

_JSON: Final = (b"content-type", b"application/json")


_REAL_PATH: Final = "sendwise.path"
_PROBES: Final = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
_OTHER: Final = "/other"
_UNSUBSCRIBE: Final = "/unsubscribe/{token}"
_LABELS: Final = (
    (re.compile(r"/v1/(predict|recommend|render)"), None),
    (re.compile(r"/(docs\.json|schema\.json|livez|readyz|healthz|metrics)?"), None),
    (re.compile(r"/v1/predict/.*", re.DOTALL), "/v1/predict/{customer_id}"),
    (re.compile(r"/v1/recommend/.*", re.DOTALL), "/v1/recommend/{customer_id}"),
    (re.compile(r"/v1/render/.*", re.DOTALL), "/v1/render/{campaign}/{customer_id}"),
    (re.compile(r"/unsubscribe/.*", re.DOTALL), _UNSUBSCRIBE),
    (re.compile(r"/assets/.*", re.DOTALL), "/assets"),
)


def label(path: str) -> str:
    """Return what metrics and logs call a path: one of few, and nobody's."""
    for pattern, name in _LABELS:
        if pattern.fullmatch(path):
            return name or path
    return _OTHER


class Labelled:
    """The outermost ASGI layer.

    It shows the label of a path to all but `Edge`, which restores it, and sees every answer.

    Args:
        app: The application.
        identity: Headers of every answer, by which a caller knows whom it asks.
    """

    def __init__(self, app: ASGIApp, identity: Callable[[], Mapping[str, str]] = dict) -> None:
        self.app = app
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            path = scope["path"]
            send = _with_headers(send, self.identity)
            if path not in _PROBES:  # their callers look at the status only
                send = _with_problems(scope, receive, send)
            scope = {**scope, "path": label(path), _REAL_PATH: path}
        await self.app(scope, receive, send)


class Edge:
    """ASGI middleware right around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, "path": scope.get(_REAL_PATH, scope["path"])}
        if scope["method"] == "POST":
            body = await _body(scope, receive)
            if body is None:
                await _too_large().response(scope["path"])(scope, receive, send)
                return
            receive = _replay(body, receive)
            if scope["path"].startswith("/v1/"):
                others = [each for each in scope["headers"] if each[0] != _JSON[0]]
                scope = {**scope, "headers": [*others, _JSON]}
        await self.app(scope, receive, send)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """Read the body; None as soon as it is known to be too long."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > MAX_BODY:
        return None
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)  # absent, too, when the caller has gone
        if len(body) > MAX_BODY:
            return None
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read once more, then what follows it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _too_large() -> Problem:
    detail = f"The body has more than {MAX_BODY:,} bytes. Send fewer recipients a request."
    return Problem("too-large", "Request too large", status=413, detail=detail)


def _with_headers(send: Send, identity: Callable[[], Mapping[str, str]]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(name.lower().encode(), text.encode()) for name, text in identity().items()]
            message = {**message, "headers": [*message["headers"], *ours]}
        await send(message)

    return send_with_headers


def _with_problems(scope: Scope, receive: Receive, send: Send) -> Send:
    """Replace an error answer that is not ours by a problem."""
    replaced = False

    async def send_problem(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start":
            status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
            replaced = status >= 400 and not kind.startswith((MEDIA_TYPE, "text/html"))
            if replaced:
                await _answer(status, scope["path"])(scope, receive, send)
        if not replaced:
            await send(message)

    return send_problem


def _answer(status: int, path: str) -> Response:
    if label(path) == _UNSUBSCRIBE and (status == 429 or status >= 500):
        return not_done()  # a reader sees it, and the token is nobody's business
    return from_status(status, path).response(path)
