from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from privacy.consent import EMAIL_MARKETING, ConsentLedger
from serving.brain import Brain
from serving.messages import RecommendRequest
from serving.routes import post, web_routes
from serving.unsubscribe import Link
from tests.serving import shop
from tests.serving.web import Web, people, posted


@pytest.fixture
def web(brain: Brain) -> Web:
    """The routes on the shop's brain."""
    app = Starlette(routes=web_routes())
    app.state.brain = brain
    return Web(app)


@pytest.mark.parametrize(
    ("question", "body", "where"),
    [
        pytest.param("predict", b"{bad", "not JSON", id="malformed"),
        pytest.param("predict", b"\xff\xfe", "not JSON", id="not-utf-8"),
        pytest.param("predict", b"", "recipients", id="empty"),
        pytest.param("predict", [], "body", id="a-list"),
        pytest.param("predict", {"recipients": []}, "recipients", id="nobody"),
        pytest.param(
            "render",
            people("a", "b") | {"campaign": "weekly_picks", "format": "html"},
            "format",
            id="html-for-two",
        ),
    ],
)
def test_a_bad_request_is_one_sentence_that_says_where(
    brain: Brain, question: str, body: object, where: str
) -> None:
    status, problem = posted(brain, question, body)

    assert status == 422
    assert problem["type"] == "/problems/bad-request"
    assert problem["instance"] == f"/v1/{question}"
    assert where in problem["detail"]
    assert "\n" not in problem["detail"]


def test_a_problem_does_not_repeat_what_was_sent(brain: Brain) -> None:
    _, problem = posted(brain, "predict", {"recipients": [{"customer_id": ["secret@person.test"]}]})

    assert "secret" not in str(problem)


def test_without_the_ledger_nobody_is_mailed_and_the_caller_may_come_again(
    brain: Brain, web: Web
) -> None:
    brain.consents.close()

    status, problem = posted(brain, "render", people("ann") | {"campaign": "weekly_picks"})
    got = web.get("/v1/render/weekly_picks/ann")

    assert (status, problem["type"]) == (429, "/problems/busy")
    assert (got.status_code, got.headers["retry-after"]) == (429, "1")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
nearly = st.fixed_dictionaries(
    {},
    optional={
        "recipients": st.lists(
            st.fixed_dictionaries({"customer_id": st.text(max_size=300) | anything}), max_size=3
        )
        | anything,
        "campaign": st.sampled_from(["weekly_picks", "no such"]) | anything,
        "send_id": anything,
        "outputs": anything,
        "slot": st.sampled_from(["popular", "buy_again"]) | anything,
        "n": st.integers(-1, 102) | anything,
        "filter": anything,
        "products": st.lists(st.sampled_from(["p0", "p1", "?"]), max_size=3) | anything,
        "diversity": st.floats(0, 1) | anything,
        "max_per_category": st.integers(0, 3) | anything,
        "promote": st.lists(
            st.fixed_dictionaries({"product_id": st.sampled_from(["p0", "?"]) | anything}),
            max_size=2,
        ),
        "format": st.sampled_from(["html", "json"]),
    },
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(question=st.sampled_from(["predict", "recommend", "render"]), body=nearly | anything)
def test_whatever_is_sent_is_answered_or_refused(brain: Brain, question: str, body: object) -> None:
    try:
        raw = orjson.dumps(body)
    except TypeError:  # integers past 64 bits, lone surrogates: as JSON writes them
        raw = str(body).encode("utf-8", "surrogatepass")
    response = asyncio.run(post(brain, question, raw))

    assert response.status_code in {200, 404, 422}


def test_whatever_may_be_posted_may_be_asked_by_get(web: Web, brain: Brain) -> None:
    query = (
        "slot=similar_to&n=5&products=p1,p0&exclude=p33&viewed=p2&cart=p20&bought=p21,p22"
        "&category=GROCERY/MILK&category=GROCERY/BREAD&min_price_minor=101&max_price_minor=158"
        "&has_image=false&not_bought_days=30&max_per_category=4&diversity=0.5&promote=p9:2,p12"
    )
    recipient = {"customer_id": "ann", "viewed": ["p2"], "cart": ["p20"], "bought": ["p21", "p22"]}
    body = {
        "recipients": [recipient],
        "slot": "similar_to",
        "n": 5,
        "products": ["p1", "p0"],
        "exclude": ["p33"],
        "filter": {
            "category": ["GROCERY/MILK", "GROCERY/BREAD"],
            "min_price_minor": 101,
            "max_price_minor": 158,
            "has_image": False,
            "not_bought_days": 30,
        },
        "max_per_category": 4,
        "diversity": 0.5,
        "promote": [{"product_id": "p9", "place": 2}, {"product_id": "p12"}],
    }
    asked = RecommendRequest.model_validate(body)
    assert set(body) == set(RecommendRequest.model_fields)
    assert set(asked.filter.model_dump()) == set(body["filter"])  # type: ignore[arg-type]

    got = web.get(f"/v1/recommend/ann?{query}").json()

    expected = posted(brain, "recommend", body)[1]["results"][0]
    assert got.pop("decision_id") != expected.pop("decision_id")
    assert got == expected
    assert [each["product_id"] for each in got["products"]][:2] == ["p12", "p9"]
    assert len(got["products"]) == 5


@pytest.mark.parametrize(
    ("path", "where"),
    [
        pytest.param("/v1/recommend/ann?n=many", "n:", id="not-a-number"),
        pytest.param("/v1/recommend/ann?n=1&n=2", "n: given twice", id="twice"),
        pytest.param("/v1/recommend/ann?size=2", "size", id="unknown-parameter"),
        pytest.param("/v1/recommend/ann?promote=p1:first", "promote.0.place", id="no-place"),
        pytest.param("/v1/recommend/ann?diversity=2", "diversity", id="too-diverse"),
        pytest.param(
            "/v1/recommend/ann?min_price_minor=2&max_price_minor=1", "above", id="no-such-price"
        ),
        pytest.param("/v1/predict/", "customer_id", id="no-customer"),
        pytest.param("/v1/render/weekly_picks/ann?format=pdf", "format", id="unknown-format"),
        pytest.param("/v1/render/weekly_picks/ann?campaign=x", "campaign", id="campaign-twice"),
        pytest.param("/v1/render/weekly_picks/ann?context.=1", "context", id="nameless-context"),
        pytest.param("/v1/predict/ann?recipients=x", "recipients", id="recipients"),
    ],
)
def test_a_bad_query_is_a_problem(web: Web, path: str, where: str) -> None:
    response = web.get(path)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert where in response.json()["detail"]


def test_the_query_of_a_render_gives_its_context(web: Web, brain: Brain) -> None:
    campaign = brain.campaigns["weekly_picks"]
    spec = campaign.spec.model_copy(update={"subject": "Picks in {{ context.store }}"})
    with_store = replace(campaign, spec=spec, context_names=("store",))
    brain.campaigns = {"weekly_picks": with_store}

    got = web.get("/v1/render/weekly_picks/ann?context.store=Leeds&context.more=1").json()

    assert got["subject"] == "Picks in Leeds"
    for question in ("predict", "recommend"):  # they take it, and do not read it
        assert web.get(f"/v1/{question}/ann?context.store=Leeds").status_code == 200


def test_html_is_the_bare_html_part(web: Web) -> None:
    page = web.get("/v1/render/weekly_picks/ann?send_id=s&format=html")
    parts = web.get("/v1/render/weekly_picks/ann?send_id=s").json()

    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-sendwise-send"] == "true"
    assert page.text == parts["html"]


def test_html_is_empty_where_nothing_may_be_sent(web: Web) -> None:
    page = web.get("/v1/render/weekly_picks/cid?format=html")

    assert (page.status_code, page.text, page.headers["x-sendwise-send"]) == (200, "", "false")


def test_an_empty_merge_tag_is_no_send_id(web: Web) -> None:
    got = web.get("/v1/render/weekly_picks/ann?send_id=").json()

    assert got["decision_id"] == web.get("/v1/render/weekly_picks/ann").json()["decision_id"]


def test_tiles_are_pictures_and_nothing_else_is_to_be_had(web: Web, brain: Brain) -> None:
    tile = sorted(brain.campaigns["weekly_picks"].tiles)[0]
    picture = web.get(f"/assets/weekly_picks/tiles/{tile}")

    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    for path in (
        "weekly_picks/tiles/none.png",
        "weekly_picks/tiles/..%2Fcampaign.json",
        "x/tiles/a",
    ):
        assert web.get(f"/assets/{path}").status_code == 404


def token(brain: Brain, customer_id: str) -> str:
    return brain.links.url(Link(customer_id, "weekly_picks", "s1")).rpartition("/")[2]


def may_be_mailed(brain: Brain, customer_id: str) -> bool:
    return brain.consents.granted(customer_id, EMAIL_MARKETING, brain.now())


def test_opening_an_unsubscribe_link_only_asks(web: Web, brain: Brain) -> None:
    page = web.get(f"/unsubscribe/{token(brain, 'ann')}")

    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert may_be_mailed(brain, "ann")


@pytest.mark.parametrize("customer_id", ["ann", shop.ODD])
def test_the_button_unsubscribes_at_once(web: Web, brain: Brain, customer_id: str) -> None:
    page = web.post(f"/unsubscribe/{token(brain, customer_id)}")

    assert page.status_code == 200
    assert "unsubscribed" in page.text
    assert not may_be_mailed(brain, customer_id)
    assert may_be_mailed(brain, "bob")


def test_one_click_of_an_email_program_unsubscribes_and_may_come_twice(
    web: Web, brain: Brain
) -> None:
    for _ in range(2):
        answer = web.post(
            f"/unsubscribe/{token(brain, 'ann')}", data={"List-Unsubscribe": "One-Click"}
        )
        assert answer.status_code == 200

    assert not may_be_mailed(brain, "ann")


def test_a_link_that_is_not_ours_does_nothing(web: Web, brain: Brain) -> None:
    cut = token(brain, "ann")[:-2]

    for answer in (web.get(f"/unsubscribe/{cut}"), web.post(f"/unsubscribe/{cut}")):
        assert answer.status_code == 404
        assert "does not work" in answer.text
    assert may_be_mailed(brain, "ann")


def test_a_reader_whose_withdrawal_cannot_be_kept_is_told_so_on_a_page(
    web: Web, brain: Brain, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    brain.withdrawals.close()
    brain.withdrawals = ConsentLedger(home / "events.db", wait_s=0)
    link = token(brain, "ann")
    with closing(sqlite3.connect(home / "events.db", isolation_level=None)) as importer:
        importer.execute("BEGIN IMMEDIATE")
        page = web.post(f"/unsubscribe/{link}")

    assert (page.status_code, page.headers["retry-after"]) == (503, "60")
    assert page.headers["content-type"].startswith("text/html")
    assert "did not work" in page.text
    assert may_be_mailed(brain, "ann")
    assert "Traceback" not in caplog.text.replace(link, "Traceback")
    assert web.post(f"/unsubscribe/{link}").status_code == 200  # and later it works
