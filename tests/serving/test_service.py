from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from serving.messages import PredictResults, RecommendResults, RenderResults
from tests.serving.shop import ODD, Server

QUESTIONS = ("predict", "recommend", "render")


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A caller of the running server."""
    with server.client() as client:
        yield client


def asked(question: str, *customer_ids: str) -> dict[str, object]:
    recipients = [{"customer_id": each} for each in customer_ids]
    campaign = {"campaign": "weekly_picks", "send_id": "s"} if question == "render" else {}
    return {"recipients": recipients, **campaign}


@pytest.mark.parametrize("customer_id", ["ann", "bob", "cid", "new", "nobody", ODD, "a/b", "."])
@pytest.mark.parametrize("question", QUESTIONS)
def test_both_surfaces_give_the_same_answer(
    client: httpx.Client, question: str, customer_id: str
) -> None:
    path = "render/weekly_picks" if question == "render" else question
    query = "?send_id=s" if question == "render" else ""
    # A path of dots would be folded by the client itself, as browsers do.
    name = quote(customer_id, safe="") if customer_id != "." else "%2E"

    posted = client.post(f"/v1/{question}", json=asked(question, customer_id))
    got = client.get(f"/v1/{path}/{name}{query}")

    assert posted.status_code == got.status_code == 200
    (there,), here = posted.json()["results"], got.json()
    if question == "recommend":  # each is logged by itself
        assert there.pop("decision_id") != here.pop("decision_id")
    assert there == here


def test_a_session_counts_at_once_on_both_surfaces(client: httpx.Client) -> None:
    recipient = {"customer_id": "ann", "viewed": ["p2"], "cart": ["p20"]}
    body = {"recipients": [recipient], "slot": "goes_with", "n": 3, "diversity": 0.2}

    posted = client.post("/v1/recommend", json=body)
    got = client.get("/v1/recommend/ann?slot=goes_with&n=3&diversity=0.2&viewed=p2&cart=p20")

    (there,), here = RecommendResults.model_validate(posted.json()).results, got.json()
    assert [each.product_id for each in there.products][:1] == ["p35"]
    assert there.rung == "fresh"
    assert here["products"] == posted.json()["results"][0]["products"]


def test_answers_keep_the_contract_and_the_order(client: httpx.Client) -> None:
    ids = ["ann", "cid", ODD, "bob", "ann", "nobody"]
    models = {"predict": PredictResults, "recommend": RecommendResults, "render": RenderResults}

    for question, model in models.items():
        answer = model.model_validate(
            client.post(f"/v1/{question}", json=asked(question, *ids)).json()
        )
        assert [each.customer_id for each in answer.results] == ids


def test_a_thousand_recipients_are_answered_in_one_request(client: httpx.Client) -> None:
    ids = ["ann", "bob", *(f"stranger-{number}" for number in range(998))]

    answer = client.post("/v1/render", json=asked("render", *ids))

    assert answer.status_code == 200
    assert sum(each["send"] for each in answer.json()["results"]) == 2


def test_errors_are_the_same_problems_on_both_surfaces(client: httpx.Client) -> None:
    unknown = {**asked("render", "ann"), "campaign": "spring"}
    posted, got = client.post("/v1/render", json=unknown), client.get("/v1/render/spring/ann")

    for answer in (posted, got):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/campaign-unknown"
        assert "weekly_picks" in answer.json()["detail"]


def test_a_bad_body_is_refused_whatever_it_calls_itself(client: httpx.Client) -> None:
    for kind in ("application/json", "multipart/form-data", "application/vnd.bentoml+pickle"):
        answer = client.post("/v1/predict", content=b"{bad", headers={"Content-Type": kind})

        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/bad-request"


def test_unsubscribing_with_one_click_stops_the_next_mail(client: httpx.Client) -> None:
    before = client.get("/v1/render/weekly_picks/new").json()
    link = httpx.URL(before["headers"]["List-Unsubscribe"].strip("<>"))

    client.post(link.path, data={"List-Unsubscribe": "One-Click"}).raise_for_status()

    after = client.get("/v1/render/weekly_picks/new").json()
    assert (before["send"], after["send"]) == (True, False)


def test_pictures_of_the_content_are_to_be_had(client: httpx.Client, server: Server) -> None:
    html = client.get("/v1/render/weekly_picks/ann?format=html").text
    pictures = {part.partition('"')[0] for part in html.split('src="')[1:]}

    assert pictures
    for picture in pictures:
        assert picture.startswith(server.url)
        assert client.get(picture).headers["content-type"].startswith("image/")


def test_the_openapi_page_knows_the_questions_and_their_answers(client: httpx.Client) -> None:
    docs = client.get("/docs.json").json()

    for question in QUESTIONS:
        operation = docs["paths"][f"/v1/{question}"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert "recipients" in body["properties"]
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert "results" in answer["properties"]
    assert docs["info"]["title"] == "sendwise"
    assert "get" in docs["paths"]["/unsubscribe/{token}"]


def test_the_docs_page_and_all_it_loads_come_from_the_service(client: httpx.Client) -> None:
    page = client.get("/").text

    assert "googletagmanager" not in page
    loaded = re.findall(r'(?:src|href)="(static_content/[^"]*)"', page)
    assert len(loaded) == 2
    for path in loaded:
        assert client.get(f"/{path}").status_code == 200


# In a process of its own: BentoML's imports warn, and it settles where its files go.
CALLER = """
import sys, bentoml
with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    answer = client.predict({"recipients": [{"customer_id": "ann"}]})
print(answer["results"][0]["outputs"]["p_order_30d"])
"""


def test_bentomls_own_client_speaks_to_it(server: Server, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", CALLER, server.url],
        env={**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert said.stdout.split() == ["0.25"]


def test_nobody_is_named_in_metrics_or_logs(client: httpx.Client, server: Server) -> None:
    client.get("/v1/predict/somebody@example.test")
    client.post("/v1/predict", json={"recipients": [{"customer_id": {"somebody@example.test": 1}}]})

    metrics = client.get("/metrics").text

    assert 'endpoint="/v1/predict/{customer_id}"' in metrics
    assert "somebody" not in metrics + server.text()
    assert "Traceback" not in server.text()


def test_probes_answer(client: httpx.Client) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        assert client.get(path).status_code == 200
