from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.edge import MAX_BODY, Edge, Labelled, label


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"length": len(body), "type": request.headers["content-type"]})


async def fails(request: Request) -> Response:
    return JSONResponse({"error": "busy"}, int(request.path_params["status"]))


class Seen:
    """What a layer between the two of ours gets to see: BentoML's metrics and logs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the path."""
        self.paths.append(scope["path"])
        await self.app(scope, receive, send)


@pytest.fixture
def seen() -> Seen:
    routes = [
        Route("/v1/predict", echo, methods=["POST"]),
        Route("/v1/predict/{customer_id:path}", lambda _: Response("found")),
        Route("/fails/{status}", fails),
        Route("/unsubscribe/{status}", fails),
        Route("/readyz", lambda _: Response("no", 503)),
    ]
    return Seen(Edge(Starlette(routes=routes)))


def ask(
    seen: Seen,
    method: str,
    path: str,
    *,
    content: bytes | AsyncIterator[bytes] | None = None,
    kind: str = "text/plain",
) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Labelled(seen))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(
                method, path, content=content, headers={"Content-Type": kind}
            )

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/predict/ann@example.test", "/v1/predict/{customer_id}"),
        ("/v1/recommend/a/b\nc", "/v1/recommend/{customer_id}"),
        ("/v1/render/weekly/ann", "/v1/render/{campaign}/{customer_id}"),
        ("/unsubscribe/secret", "/unsubscribe/{token}"),
        ("/assets/x/tiles/y.png", "/assets"),
        ("/v1/predict", "/v1/predict"),
        ("/metrics", "/metrics"),
        ("/", "/"),
        ("/wp-login.php", "/other"),
    ],
)
def test_labels_are_few_and_name_nobody(path: str, expected: str) -> None:
    assert label(path) == expected


def test_what_lies_between_sees_labels_and_routes_see_paths(seen: Seen) -> None:
    assert ask(seen, "GET", "/v1/predict/ann").text == "found"

    assert seen.paths == ["/v1/predict/{customer_id}"]


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/vnd.bentoml+pickle", "nonsense"]
)
def test_a_body_is_json_whatever_its_label_says(seen: Seen, kind: str) -> None:
    got = ask(seen, "POST", "/v1/predict", content=b"{}", kind=kind).json()

    assert got == {"length": 2, "type": "application/json"}


def test_a_body_that_is_too_long_is_refused(seen: Seen) -> None:
    got = ask(seen, "POST", "/v1/predict", content=b"x" * (MAX_BODY + 1))

    assert (got.status_code, got.json()["type"]) == (413, "/problems/too-large")


def test_a_body_of_unknown_length_is_cut_off_where_it_gets_too_long(seen: Seen) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 500_000

    async def asked() -> int:
        sent: list[dict[str, object]] = []
        pieces = endless()

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": await anext(pieces), "more_body": True}

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
        await Labelled(seen)(scope, receive, send)  # type: ignore[arg-type]
        return sent[0]["status"]  # type: ignore[return-value]

    assert asyncio.run(asked()) == 413


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/v1/predict", 405, "method-not-allowed"),
        ("GET", "/fails/500", 500, "internal"),
        ("GET", "/fails/504", 429, "busy"),
    ],
)
def test_every_error_is_a_problem(
    seen: Seen, method: str, path: str, status: int, kind: str
) -> None:
    got = ask(seen, method, path)

    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json()["type"] == f"/problems/{kind}"
    assert got.json()["status"] == status
    assert got.headers.get("retry-after") == ("1" if status == 429 else None)


def test_probes_keep_their_status(seen: Seen) -> None:
    assert ask(seen, "GET", "/readyz").status_code == 503


@pytest.mark.parametrize("status", [429, 503, 504])
def test_whoever_unsubscribes_at_a_busy_service_gets_a_page(seen: Seen, status: int) -> None:
    got = ask(seen, "GET", f"/unsubscribe/{status}")

    assert (got.status_code, got.headers["retry-after"]) == (503, "60")
    assert got.headers["content-type"].startswith("text/html")
    assert "did not work" in got.text


def test_every_answer_says_whose_it_is(seen: Seen) -> None:
    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Labelled(seen, lambda: {"X-Sendwise-Workspace": "ours"}))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in ("/readyz", "/nowhere", "/v1/predict/ann")]

    assert {each.headers["x-sendwise-workspace"] for each in asyncio.run(asked())} == {"ours"}
