from __future__ import annotations

from pathlib import Path

import pytest

from content.reads import Read, check_tags, names_read
from content.sources import read_sources
from content.spec import load_spec
from core.errors import ConfigError


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def read(folder: Path) -> Read:
    spec = load_spec(folder)
    return names_read(spec, read_sources(folder, spec))


def test_the_callers_context_is_known_by_the_names_that_are_read(draft: Path) -> None:
    edit(draft / "campaign.yaml", "recency_days > 60", "context.visits > 60")
    edit(draft / "email.txt", "{{ why }}", "{{ why }} {{ context.store|upper }}")

    assert read(draft).context == ("store", "visits")


@pytest.mark.parametrize(
    "text", ["{{ context }}", "{{ context['store'] }}", "{{ context.store.town }}"]
)
def test_a_context_is_flat_and_read_by_name(draft: Path, text: str) -> None:
    edit(draft / "email.txt", "{{ why }}", text)

    with pytest.raises(ConfigError, match=r"email\.txt reads 'context.*read as `context\.NAME`"):
        read(draft)


def test_a_default_may_not_hide_what_every_template_has(draft: Path) -> None:
    edit(draft / "campaign.yaml", "  recency_days: 0", "  recency_days: 0\n  context: x")

    with pytest.raises(ConfigError, match=r"defaults\.context: every template has 'context'"):
        read(draft)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("email.mjml", "{{ why }}", "{{ why", id="value"),
        pytest.param("email.mjml", "{{ why }}", "{{ why }", id="half-closed"),
        pytest.param("email.mjml", "{{ why }}", "{% if why", id="statement"),
        pytest.param("email.txt", "{{ why }}", "{{ why", id="in-the-text"),
        pytest.param("email.mjml", "{{ why }}", "{# why", id="comment"),
        pytest.param("blocks/hero_season.mjml", "</mj-text>", "</mj-text>{{ why", id="in-a-block"),
    ],
)
def test_a_tag_that_is_never_closed_is_named_with_file_and_line(
    draft: Path, file: str, old: str, new: str
) -> None:
    text = (draft / file).read_text(encoding="utf-8")
    position = text.index(old) + new.index("{")
    edit(draft / file, old, new)
    line = (draft / file).read_text(encoding="utf-8").count("\n", 0, position) + 1
    spec = load_spec(draft)

    with pytest.raises(ConfigError) as caught:
        check_tags(spec, read_sources(draft, spec))

    assert f"{file} line {line}: '{{" in str(caught.value)
    assert "is never closed" in str(caught.value)


def test_a_quoted_brace_closes_and_opens_nothing(draft: Path) -> None:
    edit(draft / "email.txt", "{{ why }}", "{{ why ~ '{{' }}")
    spec = load_spec(draft)

    check_tags(spec, read_sources(draft, spec))


@pytest.mark.parametrize("rule", ["'lapsing' in in or 1", "not and", "cluster if else"])
def test_a_word_of_the_language_is_no_name_to_declare(draft: Path, rule: str) -> None:
    edit(draft / "campaign.yaml", "'big baskets' in cluster_traits", rule)

    with pytest.raises(ConfigError) as caught:
        read(draft)

    assert rule in str(caught.value)
    assert "defaults" not in str(caught.value)


def test_names_on_offer_are_plain_and_no_functions(draft: Path) -> None:
    edit(draft / "email.txt", "{{ why }}", "{{ whi }}")

    with pytest.raises(ConfigError, match=r"use one of campaign, cluster, .*, why\.$") as caught:
        read(draft)

    assert "namespace" not in str(caught.value)
