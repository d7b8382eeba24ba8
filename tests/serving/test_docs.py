from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import pytest

from content.terms import ProductFilter
from serving.docs import PAGE, document
from serving.messages import RecommendRequest


def answer(name: str) -> dict[str, Any]:
    items = {"$ref": f"#/components/schemas/{name}"}
    schema = {"properties": {"results": {"items": items}}}
    return {"description": "Successful", "content": {"application/json": {"schema": schema}}}


@pytest.fixture
def docs() -> dict[str, Any]:
    """The document made of one as BentoML gives it."""
    questions = {"predict": "Prediction", "recommend": "Recommendation", "render": "Rendering"}
    return document(
        {
            "openapi": "3.0.2",
            "info": {"title": "sendwise:dev", "contact": {"name": "BentoML Team"}},
            "servers": [{"url": "."}],
            "paths": {
                "/livez": {"get": {"tags": ["Infrastructure"]}},
                **{
                    f"/v1/{name}": {
                        "post": {"tags": ["Service APIs"], "responses": {200: answer(shape)}}
                    }
                    for name, shape in questions.items()
                },
            },
            "components": {"schemas": {"Prediction": {}, "InvalidArgument": {}}},
        }
    )


def test_the_document_is_ours_by_name_and_version(docs: dict[str, Any]) -> None:
    assert docs["info"]["title"] == "sendwise"
    assert docs["info"]["version"] == version("sendwise")
    assert "BentoML" not in str(docs["info"]) + str(docs["tags"])
    assert set(docs["components"]["schemas"]) == {"Prediction", "Problem"}


def test_every_path_there_is_is_documented(docs: dict[str, Any]) -> None:
    there = {(path, method) for path, item in docs["paths"].items() for method in item}

    assert there == {
        *((f"/v1/{name}", "post") for name in ("predict", "recommend", "render")),
        ("/v1/predict/{customer_id}", "get"),
        ("/v1/recommend/{customer_id}", "get"),
        ("/v1/render/{campaign}/{customer_id}", "get"),
        ("/unsubscribe/{token}", "get"),
        ("/unsubscribe/{token}", "post"),
        ("/assets/{campaign}/tiles/{file}", "get"),
        ("/livez", "get"),
    }


def test_a_get_form_answers_the_one_result_and_names_its_query(docs: dict[str, Any]) -> None:
    form = docs["paths"]["/v1/recommend/{customer_id}"]["get"]

    schema = form["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Recommendation"}
    fields = {*RecommendRequest.model_fields, *ProductFilter.model_fields}
    session = {"viewed", "cart", "bought"}
    assert {each["name"] for each in form["parameters"]} == {
        *(fields - {"recipients", "filter"}),
        *session,
        *("customer_id", "context.NAME"),
    }


def test_the_page_loads_nothing_from_elsewhere() -> None:
    assert not re.search(r"https?:|//[a-z]", PAGE)
    assert re.findall(r'(?:src|href)="([^"]*)"', PAGE) == [
        "data:,",
        "static_content/swagger-ui.css",
        "static_content/swagger-ui-bundle.js",
    ]


def test_only_unsubscribing_can_fail_to_be_kept(docs: dict[str, Any]) -> None:
    asks, withdraws = (docs["paths"]["/unsubscribe/{token}"][each] for each in ("get", "post"))

    assert "503" in withdraws["responses"]
    assert "503" not in asks["responses"]
