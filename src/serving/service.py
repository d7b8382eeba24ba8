"""The BentoML service: `sendwise serve`, or `bentoml serve serving.service:Sendwise`.

The three questions are BentoML APIs, so that its clients, pages and OpenAPI know them; their
GET forms and the web pages are mounted routes on the same handlers.

BentoML imports this module twice: in its supervisor, for the shape of the service, and in the
worker, which serves. Only the worker needs the handlers and all they import: it takes
them when it starts, which saves a third of the time from start to ready.
"""

from __future__ import annotations

import gc
import logging
from typing import Any, Self

import bentoml
from pydantic import BaseModel, PrivateAttr
from starlette.applications import Starlette
from starlette.responses import Response

from serving.docs import ABOUT, document
from serving.edge import Edge, Labelled
from serving.messages import (
    PredictRequest,
    PredictResults,
    RecommendRequest,
    RecommendResults,
    RenderRequest,
    RenderResults,
)


class _Unread(BaseModel):
    """A body as it came. BentoML would answer a bad one in its own words, and log it."""

    _raw: bytes = PrivateAttr(default=b"")

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: object) -> Self:
        """Keep the body; `serving.routes.post` checks it."""
        unread = cls.model_construct()
        unread._raw = json_data.encode() if isinstance(json_data, str) else bytes(json_data)
        return unread  # type: ignore[return-value]  # model_construct gives Self

    @property
    def raw(self) -> bytes:
        """The body."""
        return self._raw


class PredictBody(_Unread, PredictRequest):
    """Ask for predictions."""


class RecommendBody(_Unread, RecommendRequest):
    """Ask for products."""


class RenderBody(_Unread, RenderRequest):
    """Ask for finished content."""


class SendwiseService(bentoml.Service[Any]):  # type: ignore[misc]  # BentoML is Any to mypy
    """A BentoML service whose metrics, traces and logs know paths by their labels only."""

    __slots__ = ()

    def to_asgi(self, is_main: bool = True) -> Labelled:  # noqa: FBT001, FBT002  # as BentoML has it
        """Return the whole application."""
        return Labelled(super().to_asgi(is_main=is_main), _identity)


WEB = Starlette()


def _identity() -> dict[str, str]:
    brain = getattr(WEB.state, "brain", None)  # not there before the worker is
    return brain.identity() if brain else {}


@bentoml.service(
    name="sendwise",
    description=ABOUT,
    service_class=SendwiseService,
    # A thousand recipients take a second or two. Much longer, and BentoML's timers, which
    # stay for as long as the time-out even after the answer, pile up.
    traffic={"timeout": 10},
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(WEB, path="/")
class Sendwise:
    """The service: one instance per worker."""

    def __init__(self) -> None:
        from serving.brain import open_brain
        from serving.routes import post, web_routes

        _silence_access_log()
        self._post = post
        self._brain = WEB.state.brain = open_brain()
        # What was made so far stays as long as the process does: looking through it for garbage
        # would hold up somebody for a tenth of a second now and then.
        gc.freeze()
        WEB.state.docs = _docs
        WEB.router.routes[:] = web_routes()

    @bentoml.api(route="/v1/predict", output_spec=PredictResults)  # type: ignore[untyped-decorator]
    async def predict(self, body: PredictBody, /) -> Response:
        """Say what is expected of customers."""
        return await self._post(self._brain, "predict", body.raw)

    @bentoml.api(route="/v1/recommend", output_spec=RecommendResults)  # type: ignore[untyped-decorator]
    async def recommend(self, body: RecommendBody, /) -> Response:
        """Choose products for customers."""
        return await self._post(self._brain, "recommend", body.raw)

    @bentoml.api(route="/v1/render", output_spec=RenderResults)  # type: ignore[untyped-decorator]
    async def render(self, body: RenderBody, /) -> Response:
        """Return the finished content of a campaign for customers, or why nothing may be sent."""
        return await self._post(self._brain, "render", body.raw)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Write what waits."""
        self._brain.close()


Sendwise.add_asgi_middleware(Edge)  # type: ignore[attr-defined]  # the decorator made a Service


def _docs() -> dict[str, Any]:
    return document(Sendwise.openapi_spec.asdict())  # type: ignore[attr-defined]  # as above


def _silence_access_log() -> None:
    """Uvicorn would write a line per request, with the path and so with customer ids."""
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False
