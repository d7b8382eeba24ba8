from __future__ import annotations

from pathlib import Path

import pytest

from content.trial import Branch, try_out
from core.errors import ConfigError

FOLDER = Path("conf/campaigns/mine")
# What fuel does not stop: it counts instructions, not bytes.
BOMBS = {
    "doubling": "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}"
    "{% for i in range(28) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
    "loop-of-long-strings": "{% set big = 'x' * 100000 %}"
    "{% for i in range(9000) %}{{ big }}{% endfor %}",
    "replace": "{% set a = 'a' * 30000 %}{{ a|replace('a', a)|length }}",
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}


def tried(source: str, **context: object) -> list[dict[str, str]]:
    branch = Branch("personal", ("email.html",), context)
    return try_out({"email.html": source}, [branch], folder=FOLDER, paths={})


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_with_its_file(source: str) -> None:
    with pytest.raises(ConfigError, match=r"conf/campaigns/mine/email\.html") as caught:
        tried(source)

    assert "\n" not in str(caught.value)


def test_outputs_come_back_per_branch() -> None:
    branches = [Branch(name, ("a.txt",), {"who": name}) for name in ("Ann", "Bob")]

    got = try_out({"a.txt": "Hello {{ who }}"}, branches, folder=FOLDER, paths={})

    assert got == [{"a.txt": "Hello Ann"}, {"a.txt": "Hello Bob"}]


def test_subject_and_preheader_are_variables_of_what_comes_next() -> None:
    branch = Branch("personal", ("subject.txt", "email.html"), {"who": "<Ann>"})
    sources = {"subject.txt": "For {{ who }}", "email.html": "{{ subject }}"}

    assert try_out(sources, [branch], folder=FOLDER, paths={})[0]["email.html"] == "For &lt;Ann&gt;"


def test_a_missing_variable_names_file_line_and_branch() -> None:
    with pytest.raises(ConfigError, match=r"email\.html line 3: undefined value \(when personal\)"):
        tried("a\nb\n{{ who }}")


def test_the_message_names_the_file_the_author_wrote() -> None:
    with pytest.raises(ConfigError, match=r"^conf/blocks/hero\.mjml line 1"):
        try_out(
            {"slot.hero.mjml": "{{ who }}"},
            [Branch("personal", ("slot.hero.mjml",), {})],
            folder=FOLDER,
            paths={"slot.hero.mjml": Path("conf/blocks/hero.mjml")},
        )
