from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from serving import unsubscribe
from serving.unsubscribe import Link, Unsubscribe, headers, not_done

LINKS = Unsubscribe("a key", "https://mail.example.test/")


def token(link: Link, links: Unsubscribe = LINKS) -> str:
    return links.url(link).removeprefix("https://mail.example.test/unsubscribe/")


@given(st.text(), st.text(), st.text())
def test_whoever_is_linked_is_read_back(customer_id: str, campaign: str, send_id: str) -> None:
    link = Link(customer_id, campaign, send_id)
    made = token(link)

    assert LINKS.read(made) == link
    assert made.replace("-", "").replace("_", "").replace(".", "").isalnum()  # safe in an address


def test_the_same_link_stays_the_same() -> None:
    link = Link("ann", "weekly_picks", "s1")

    assert token(link) == token(link, Unsubscribe("a key", "https://mail.example.test"))


@given(st.text(alphabet=st.characters(codec="ascii")) | st.text())
def test_whatever_somebody_types_is_not_ours(typed: str) -> None:
    assert LINKS.read(typed) is None


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(lambda made: made[:-1], id="cut"),
        pytest.param(lambda made: "X" + made[1:], id="another-customer"),
        pytest.param(
            lambda _: token(Link("a", "b", "c"), Unsubscribe("x", "https://mail.example.test")),
            id="another-key",
        ),
        pytest.param(
            lambda _: URLSafeSerializer("a key", salt="other").dumps(["a", "b", "c"]),
            id="another-purpose",
        ),
        pytest.param(
            lambda _: URLSafeSerializer("a key", salt="unsubscribe").dumps(["a", "b"]),
            id="another-shape",
        ),
        pytest.param(
            lambda _: URLSafeSerializer("a key", salt="unsubscribe").dumps("abc"),
            id="text-of-three",
        ),
    ],
)
def test_a_token_we_did_not_sign_names_nobody(forged: Callable[[str], str]) -> None:
    assert LINKS.read(forged(token(Link("ann", "weekly_picks", "s1")))) is None


def test_headers_are_those_of_rfc_8058() -> None:
    assert headers("https://a.test/u") == {
        "List-Unsubscribe": "<https://a.test/u>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize(
    ("page", "has_button"),
    [
        (unsubscribe.confirm_page, True),
        (unsubscribe.done_page, False),
        (unsubscribe.unknown_page, False),
        (lambda: bytes(not_done().body).decode(), False),
    ],
)
def test_pages_stand_alone_and_only_the_first_has_a_button(
    page: Callable[[], str], has_button: bool
) -> None:
    html = page()

    assert html.startswith("<!doctype html>")
    assert '<html lang="en">' in html
    assert ("<form" in html) is has_button
    assert "://" not in html  # nothing is fetched, so nobody learns who opened it
    assert "{" not in html.partition("</style>")[2]
