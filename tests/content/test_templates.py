from __future__ import annotations

import pytest

from content.templates import (
    MAX_FIELD,
    MAX_ITEMS,
    RenderError,
    environment,
    money,
    plain,
    plural,
    run,
    safe_url,
)


def rendered(
    source: str, name: str = "page.html", *, strict: bool = False, **context: object
) -> str:
    return run(environment({name: source}, strict=strict), name, context)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("page.html", "&lt;b&gt;&amp;&quot;&#x27;", id="html"),
        pytest.param("block.mjml", "&lt;b&gt;&amp;&quot;&#x27;", id="mjml"),
        pytest.param("subject.txt", "<b>&\"'", id="text-and-subject"),
    ],
)
def test_a_value_is_escaped_where_it_becomes_markup(name: str, expected: str) -> None:
    assert rendered("{{ who }}", name, who="<b>&\"'") == expected


def test_an_address_keeps_its_slashes_in_html() -> None:
    assert rendered("{{ url }}", url="https://a.test/b?c=1&d=2") == "https://a.test/b?c=1&amp;d=2"


@pytest.mark.parametrize("source", ["{{ who|safe }}", "{{ who|pprint }}", "{{ who|attr('x') }}"])
def test_filters_that_would_open_a_door_are_gone(source: str) -> None:
    with pytest.raises(RenderError, match="unknown filter"):
        rendered(source, who="<b>")


def test_the_engine_does_not_show_itself() -> None:
    assert rendered("{{ debug is defined }}") == "False" or not rendered("{{ debug }}")


@pytest.mark.parametrize(
    "source",
    ["{{ who.secret() }}", "{{ who.__class__.__mro__ }}", "{{ 'x'|money }}", "{{ who|url|money }}"],
)
def test_whatever_a_template_does_is_one_kind_of_error(source: str) -> None:
    with pytest.raises(RenderError, match=r"page\.html line 1"):
        rendered(source, who={"name": "Ann"})


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            id="loop",
        ),
        pytest.param("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", id="recursion"),
        pytest.param("{{ 'a' * 1000000000 }}", id="repeat"),
    ],
)
def test_a_template_that_does_not_end_is_stopped(source: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(source)

    assert caught.value.template == "page.html"
    assert caught.value.line == 1


def test_a_long_output_is_refused() -> None:
    with pytest.raises(RenderError, match="characters"):
        rendered("{% for a in range(2000) %}{{ text }}{% endfor %}", text="x" * 1000)


def test_a_missing_variable_is_an_error_only_when_strict() -> None:
    assert rendered("a{{ nobody }}b") == "ab"
    with pytest.raises(RenderError, match="line 2"):
        rendered("a\n{{ nobody }}", strict=True)


def test_a_syntax_error_names_template_and_line() -> None:
    with pytest.raises(RenderError) as caught:
        environment({"hero.html": "fine\n{% if %}"})

    assert (caught.value.template, caught.value.line) == ("hero.html", 2)


def test_none_shows_nothing() -> None:
    assert rendered("[{{ price }}]", price=None) == "[]"


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (269, "USD", "$2.69"),
        (123_456_789, "GBP", "£1,234,567.89"),
        (1500, "JPY", "¥1,500"),
        (12_345, "KWD", "12.345 KWD"),
        (-50, "EUR", "-€0.50"),
        (5, "CHF", "0.05 CHF"),
        (99, "", "0.99"),
        (12_500, "ISK", "12,500 ISK"),
        (12_500, "XOF", "12,500 XOF"),
        (12_500, "JOD", "12.500 JOD"),
    ],
)
def test_money_has_the_decimals_of_its_currency(minor: int, currency: str, expected: str) -> None:
    assert money(minor, currency) == expected


def test_plural_counts() -> None:
    assert [plural(1, "loaf", "loaves"), plural(3, "loaf", "loaves"), plural(0, "egg")] == [
        "1 loaf",
        "3 loaves",
        "0 eggs",
    ]


@pytest.mark.parametrize(
    "address", ["https://a.test/b", "http://a.test", "mailto:a@b.test", "tel:+44123"]
)
def test_addresses_one_may_link_to_pass(address: str) -> None:
    assert safe_url(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "//evil.test",
        "/relative",
        "https://",
        'https://a.test/" onclick=x',
        "https://[",
        "",
        None,
    ],
)
def test_other_addresses_are_dropped(address: object) -> None:
    assert safe_url(address) == ""


def test_values_are_cut_to_what_a_template_may_see() -> None:
    assert len(str(plain("x" * 5000))) == MAX_FIELD
    assert len(plain(["a"] * 100)) == MAX_ITEMS  # type: ignore[arg-type]
    assert plain("Ann\r\nBcc: all@shop.test") == "Ann Bcc: all@shop.test"
    assert plain("a\u202eb") == "a b"
    assert plain({"a": 1}) == "{'a': 1}"
    assert plain("Zoë 株式会社") == "Zoë 株式会社"
