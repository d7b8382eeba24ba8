"""A caller of the mounted routes, without a server."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette

from serving.brain import Brain
from serving.routes import post


class Web:
    """Asks the mounted routes by themselves, without a server."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """Ask once, in an event loop of its own."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            base = "https://mail.example.test"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, data=data)

        return asyncio.run(asked())

    def get(self, path: str) -> httpx.Response:
        """GET `path`."""
        return self.ask("GET", path)

    def post(self, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """POST a form to `path`."""
        return self.ask("POST", path, data)


def posted(brain: Brain, question: str, body: object) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    response = asyncio.run(post(brain, question, raw))
    return response.status_code, orjson.loads(response.body)


def people(*customer_ids: object) -> dict[str, Any]:
    return {"recipients": [{"customer_id": each} for each in customer_ids]}
