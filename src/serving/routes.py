"""The web surface: POST bodies, GET forms, pictures, and the unsubscribe pages.

`post` is what BentoML's APIs call; the routes are mounted into its service. Both ask the
same handlers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from content.terms import ProductFilter
from privacy.consent import EMAIL_MARKETING
from serving import unsubscribe
from serving.brain import Brain, log
from serving.docs import PAGE
from serving.edge import label
from serving.handlers import Handler, Question, answer, predict
from serving.messages import PredictRequest, RecommendRequest, RenderRequest
from serving.problems import Problem, bad_request, checked, from_status, read_json
from serving.recommending import recommend
from serving.rendering import render_content

_SESSION: Final = frozenset({"viewed", "cart", "bought"})  # of the recipient
# Comma-separated in a query; a category may hold a comma, and is repeated instead.
_LISTS: Final = frozenset({"outputs", "exclude", "products", "promote", *_SESSION})
_REPEATED: Final = frozenset({*_LISTS, "category"})
_FILTER: Final = frozenset(ProductFilter.model_fields)
_CONTEXT: Final = "context."
_QUESTIONS: Final[dict[str, tuple[type[Question], Handler]]] = {
    "predict": (PredictRequest, predict),
    "recommend": (RecommendRequest, recommend),
    "render": (RenderRequest, render_content),
}
_NO_STORE: Final = {"Cache-Control": "no-store"}  # answers are about a person and a moment
_FOR_A_DAY: Final = {"Cache-Control": "public, max-age=86400"}

Endpoint = Callable[[Request], Awaitable[Response]]


def web_routes() -> list[Route]:
    """Return the routes of an app whose `state.brain` and `state.docs` are set."""
    return [
        Route("/", get_page),
        Route("/docs.json", get_docs),
        Route("/v1/predict/{customer_id:path}", _guarded(get_predict)),
        Route("/v1/recommend/{customer_id:path}", _guarded(get_recommend)),
        Route("/v1/render/{campaign}/{customer_id:path}", _guarded(get_render)),
        Route("/assets/{campaign}/tiles/{file}", _guarded(get_tile)),
        Route("/unsubscribe/{token}", _guarded(ask), methods=["GET"]),
        Route("/unsubscribe/{token}", _guarded(withdraw), methods=["POST"]),
    ]


async def post(brain: Brain, question: str, body: bytes) -> Response:
    """Answer the body of POST /v1/{question}: predict, recommend or render."""
    model, handler = _QUESTIONS[question]
    try:
        request = checked(model, read_json(body))
        is_html = isinstance(request, RenderRequest) and request.format == "html"
        if is_html and len(request.recipients) > 1:
            detail = "format: `html` is for one recipient; ask for `json` in a batch."
            return bad_request(detail).response(f"/v1/{question}")
        results = await answer(handler, brain, request)
    except Exception as error:  # noqa: BLE001  # no caller of ours ever gets a traceback
        return refusal(error, f"/v1/{question}")
    return html_response(results[0]) if is_html else json_response({"results": results})


def refusal(error: Exception, path: str) -> Response:
    """Return the answer for what went wrong, and log it unless the caller did it.

    A store that does not answer passes by itself: the caller is asked to come again. Nobody is
    mailed meanwhile, since without the ledger nobody is known to have agreed.
    """
    if isinstance(error, Problem):
        return error.response(path)
    log.error("request.failed label=%s", label(path), exc_info=error)
    return from_status(503 if isinstance(error, sqlite3.Error) else 500, path).response(path)


def json_response(body: object) -> Response:
    """Return an answer as JSON."""
    return Response(orjson.dumps(body), media_type="application/json", headers=_NO_STORE)


def html_response(rendering: dict[str, Any]) -> Response:
    """Return the HTML part of a rendering; empty where nothing may be sent, headers say why."""
    headers = {**_NO_STORE, "X-Sendwise-Send": "true" if rendering["send"] else "false"}
    return HTMLResponse(rendering["html"] or "", headers=headers)


async def get_page(_: Request) -> Response:
    """GET /: a page to try the service on."""
    return HTMLResponse(PAGE)


async def get_docs(request: Request) -> Response:
    """GET /docs.json: the OpenAPI document."""
    body = orjson.dumps(request.app.state.docs(), option=orjson.OPT_NON_STR_KEYS)
    return Response(body, media_type="application/json")


async def get_predict(request: Request) -> Response:
    """GET /v1/predict/{customer_id}?outputs=a,b."""
    asked = checked(PredictRequest, _asked(request))
    return json_response((await answer(predict, _brain(request), asked))[0])


async def get_recommend(request: Request) -> Response:
    """GET /v1/recommend/{customer_id}?slot=&n=&viewed=a,b&category=&promote=ID:PLACE and so on."""
    asked = checked(RecommendRequest, _asked(request))
    return json_response((await answer(recommend, _brain(request), asked))[0])


async def get_render(request: Request) -> Response:
    """GET /v1/render/{campaign}/{customer_id}?send_id=&format=html|json&context.NAME=."""
    asked = checked(RenderRequest, _asked(request))
    rendering = (await answer(render_content, _brain(request), asked))[0]
    return html_response(rendering) if asked.format == "html" else json_response(rendering)


async def get_tile(request: Request) -> Response:
    """GET /assets/{campaign}/tiles/{file}: the campaign's pictures, and tiles for products."""
    brain, file = _brain(request), request.path_params["file"]
    campaign = brain.campaign(request.path_params["campaign"])
    path = brain.picture(campaign.name, file) if file in campaign.tiles else None
    if path is None:
        detail = f"Campaign {campaign.name!r} has no picture {file!r}."
        raise Problem("not-found", "Not found", status=404, detail=detail)
    return FileResponse(path, headers=_FOR_A_DAY)


async def ask(request: Request) -> Response:
    """GET /unsubscribe/{token}: a page with a button. Changes nothing."""
    if _brain(request).links.read(request.path_params["token"]) is None:
        return HTMLResponse(unsubscribe.unknown_page(), 404, headers=_NO_STORE)
    return HTMLResponse(unsubscribe.confirm_page(), headers=_NO_STORE)


async def withdraw(request: Request) -> Response:
    """POST /unsubscribe/{token}: by the button or an e-mail program's one click."""
    brain = _brain(request)
    link = brain.links.read(request.path_params["token"])
    if link is None:
        return HTMLResponse(unsubscribe.unknown_page(), 404, headers=_NO_STORE)
    # In a thread: a long import may hold the file, and others must not wait with this one.
    source = f"unsubscribe:{link.campaign}"
    try:
        await run_in_threadpool(
            brain.withdrawals.withdraw, link.customer_id, EMAIL_MARKETING, source, brain.now()
        )
    except Exception as error:  # noqa: BLE001  # a reader gets a page, and the log no token
        log.error("unsubscribe.failed campaign=%s error=%r", link.campaign, error)
        return unsubscribe.not_done()
    return HTMLResponse(unsubscribe.done_page(), headers=_NO_STORE)


def _brain(request: Request) -> Brain:
    brain: Brain = request.app.state.brain
    return brain


def _asked(request: Request) -> dict[str, object]:
    """Return what a GET form asks, in the shape of a POST body."""
    path, query = request.path_params, request.query_params
    twice = [name for name in query if len(query.getlist(name)) > 1 and name not in _REPEATED]
    if twice:
        raise bad_request(f"{twice[0]}: given twice.")
    recipient: dict[str, object] = {"customer_id": path["customer_id"]}
    asked: dict[str, object] = {"recipients": [recipient]}
    if "campaign" in path:
        asked["campaign"] = path["campaign"]
    chosen: dict[str, object] = {}
    context = {name: query[name] for name in query if name.startswith(_CONTEXT)}
    if context:
        recipient["context"] = {key.removeprefix(_CONTEXT): context[key] for key in context}
    for name in (each for each in query if each not in context):
        if name in asked:
            raise bad_request(f"{name}: is part of the path here.")
        words = [each for text in query.getlist(name) for each in text.split(",") if each]
        if name in _FILTER and "campaign" not in path:
            chosen[name] = query.getlist(name) if name in _REPEATED else query[name]
        elif name == "promote":
            asked[name] = [_promotion(each) for each in words]
        elif name in _LISTS:
            (recipient if name in _SESSION else asked)[name] = words
        elif query[name] or name != "send_id":  # an ESP's empty merge tag is no id
            asked[name] = query[name]
    return {**asked, "filter": chosen} if chosen else asked


def _promotion(text: str) -> dict[str, object]:
    """Read ID, or ID:PLACE."""
    product_id, colon, place = text.rpartition(":")
    return {"product_id": product_id, "place": place} if colon else {"product_id": text}


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Answer whatever goes wrong with a problem."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:  # noqa: BLE001  # as in `post`
            return refusal(error, request.url.path)

    return guarded
