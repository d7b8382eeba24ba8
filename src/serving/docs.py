"""The docs page and /docs.json: BentoML's OpenAPI document, made whole and ours.

BentoML knows the POST forms only, answers its own page with a tracker of its makers, and says
that errors are its own. Here the page loads nothing from elsewhere.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, get_args

from content.terms import MAX_PRODUCTS
from serving.messages import Slot
from serving.problems import MEDIA_TYPE

Document = dict[str, Any]

ABOUT: Final = """
Predictions, recommendations and finished e-mail content at the moment of sending.

Each question has a POST form for up to 1,000 recipients and a GET form for one.
Errors are problem+json (RFC 9457).
"""
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sendwise</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static_content/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="static_content/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "docs.json", dom_id: "#docs", deepLinking: true, validatorUrl: null,
  defaultModelsExpandDepth: -1});
</script>
</body>
</html>
"""
_QUESTIONS: Final = "Questions"
_READERS: Final = "For the readers of e-mails"
_PROBES: Final = "Infrastructure"
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_CONTEXT: Final = {**_TEXT, "description": "Accepted, and read by `render` only."}


def _ids(which: str) -> Document:
    return {**_TEXT, "description": f"Product ids {which}, separated by commas."}


_QUERIES: Final[dict[str, dict[str, Document]]] = {
    "predict": {
        "outputs": {**_TEXT, "description": "Names, separated by commas."},
        "context.NAME": _CONTEXT,
    },
    "recommend": {
        "slot": {**_TEXT, "enum": list(get_args(Slot)), "default": "new_for_you"},
        "n": {"type": "integer", "minimum": 1, "maximum": MAX_PRODUCTS, "default": 10},
        "exclude": _ids("not to recommend"),
        "products": _ids("that `similar_to` and `goes_with` are about"),
        "viewed": _ids("looked at just now, the latest last"),
        "cart": _ids("in the basket"),
        "bought": _ids("bought since the snapshot was made"),
        "category": {
            **_TEXT,
            "description": "Category path; what lies below it counts too. May be given often.",
        },
        "min_price_minor": {**_NUMBER, "description": "Lowest price, minor units."},
        "max_price_minor": {**_NUMBER, "description": "Highest price, minor units."},
        "has_image": {"type": "boolean", "default": False},
        "not_bought_days": {**_NUMBER, "description": "Not bought within so many days."},
        "max_per_category": {**_NUMBER, "description": "At most so many of one category."},
        "diversity": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "promote": {**_TEXT, "description": "ID or ID:PLACE, separated by commas."},
        "context.NAME": _CONTEXT,
    },
    "render": {
        "send_id": {**_TEXT, "description": "Names the send. Default: the day."},
        "format": {**_TEXT, "enum": ["html", "json"], "default": "json"},
        "context.NAME": {**_TEXT, "description": "What templates read as `context.NAME`."},
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {**_TEXT, "example": "/problems/bad-request"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": _TEXT,
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


_BENTOMLS: Final = ("InvalidArgument", "NotFound", "InternalServerError", "TaskStatusResponse")


def document(given: Document) -> Document:
    """Return BentoML's OpenAPI document with our name, all our paths and our errors."""
    paths, ours = given["paths"], dict[str, Document]()
    for name in _QUERIES:
        post = paths[f"/v1/{name}"]["post"]
        answer = post["responses"][200]
        own = {"tags": [_QUESTIONS], "summary": post.get("description", "")}
        responses = {"200": answer, **_problems()}
        ours[f"/v1/{name}"] = {"post": {**post, **own, "responses": responses}}
        where = f"/v1/{name}/{{customer_id}}"
        if name == "render":
            where = "/v1/render/{campaign}/{customer_id}"
        ours[where] = {"get": _get_form(name, where, answer)}
    probes = {path: item for path, item in paths.items() if path not in ours}
    schemas = given["components"]["schemas"]
    kept = {name: schema for name, schema in schemas.items() if name not in _BENTOMLS}
    return {
        **given,
        "info": {"title": "sendwise", "version": _version(), "description": ABOUT},
        "tags": [{"name": name} for name in (_QUESTIONS, _READERS, _PROBES)],
        "paths": {**ours, **_readers_paths(), **probes},
        "components": {"schemas": {**kept, "Problem": _PROBLEM}},
    }


def _get_form(name: str, where: str, answer: Document) -> Document:
    schema = answer["content"]["application/json"]["schema"]["properties"]["results"]["items"]
    content: Document = {"application/json": {"schema": schema}}
    if name == "render":
        content["text/html"] = {"schema": _TEXT}
    queries = [
        {"name": query, "in": "query", "schema": each} for query, each in _QUERIES[name].items()
    ]
    return {
        "tags": [_QUESTIONS],
        "summary": f"The same for one customer as POST /v1/{name}.",
        "parameters": [*_path_parameters(where), *queries],
        "responses": {"200": {"description": "The answer.", "content": content}, **_problems()},
    }


def _readers_paths() -> Document:
    page = {"text/html": {"schema": _TEXT}}
    picture = {"image/*": {"schema": {**_TEXT, "format": "binary"}}}
    link, tile = "/unsubscribe/{token}", "/assets/{campaign}/tiles/{file}"
    withdraw = _for_readers(link, "Unsubscribe: the page's button, or one click.", page)
    withdraw["responses"]["503"] = {"description": "Not kept: again after Retry-After seconds."}
    return {
        link: {
            "get": _for_readers(link, "A page that asks; it changes nothing.", page),
            "post": withdraw,
        },
        tile: {"get": _for_readers(tile, "A picture of a campaign.", picture)},
    }


def _for_readers(where: str, what: str, content: Document) -> Document:
    return {
        "tags": [_READERS],
        "summary": what,
        "parameters": _path_parameters(where),
        "responses": {
            "200": {"description": "Done.", "content": content},
            "404": {"description": "There is none."},
        },
    }


def _path_parameters(where: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in re.findall(r"{(\w+)}", where)
    ]


def _problems() -> Document:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": what, "content": content}
        for status, what in (
            ("404", "Unknown campaign"),
            ("422", "Bad request"),
            ("429", "Too busy: ask again after Retry-After seconds"),
        )
    }


def _version() -> str:
    try:
        return version("sendwise")
    except PackageNotFoundError:
        return "from a bento"  # there it runs without being installed
