from __future__ import annotations

import pytest

from content.lint import MAX_BYTES, Rendered, problems

UNSUBSCRIBE = "https://shop.test/u"
GOOD = (
    '<html lang="en"><a href="https://shop.test/u">no more</a>'
    '<img src="https://shop.test/a.png" alt=""></html>'
)


def email(html: str = GOOD, *, subject: str = "Hello", text: str = UNSUBSCRIBE) -> Rendered:
    return Rendered(branch="personal", subject=subject, html=html, text=text)


def test_a_good_email_has_no_problems() -> None:
    assert problems(email(), unsubscribe_url=UNSUBSCRIBE) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(email(GOOD.replace(' alt=""', "")), "no alt text", id="no-alt"),
        pytest.param(email(GOOD.replace(' lang="en"', "")), "no lang", id="no-lang"),
        pytest.param(
            email(GOOD.replace("shop.test/u", "x.test")), "HTML has no unsub", id="no-link"
        ),
        pytest.param(email(text="hello"), "text part has no unsub", id="no-link-in-text"),
        pytest.param(email(GOOD + '<a href="javascript:x()">'), "not an address", id="script-link"),
        pytest.param(email(GOOD + '<a href="">'), "not an address", id="empty-link"),
        pytest.param(
            email(GOOD + '<img alt="" src="mailto:a@b.test">'), "not an address", id="image"
        ),
        pytest.param(email(GOOD + "<script>"), "<script>", id="script"),
        pytest.param(email(GOOD + '<p onclick="x()">'), "runs a script", id="handler"),
        pytest.param(email(GOOD + " " * MAX_BYTES), "Gmail clips", id="too-large"),
        pytest.param(email(subject=" "), "subject is empty", id="no-subject"),
        pytest.param(email(subject="x" * 121), "121 characters", id="long-subject"),
        pytest.param(email(GOOD + "{{ name }}"), "template tag", id="left-over-tag"),
    ],
)
def test_what_is_wrong_is_said(given: Rendered, expected: str) -> None:
    found = problems(given, unsubscribe_url=UNSUBSCRIBE)

    assert len(found) == 1
    assert expected in found[0]
