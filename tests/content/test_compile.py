from __future__ import annotations

from pathlib import Path

import pytest

from content.campaign import CompiledCampaign
from content.compile import Check, compile_campaign
from core.errors import ConfigError


def compiled(folder: Path) -> tuple[CompiledCampaign, list[Check]]:
    return compile_campaign(folder, static_products=[], tiles=["default.png"])


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_every_branch_of_the_shipped_campaign_passes(draft: Path) -> None:
    campaign, checks = compiled(draft)

    kinds = {check.branch.partition(";")[0] for check in checks}
    blocks = {check.branch.partition("; ")[2].partition(",")[0] for check in checks}
    assert kinds == {
        "personal",
        "one product only",
        "no products at all",
        "no consent to personalisation",
        "hostile data",
    }
    assert blocks == {"hero_miss_you", "hero_big_shop", "hero_regular", "hero_season"}
    assert campaign.static is not None


def test_the_version_follows_the_content(draft: Path) -> None:
    before = compiled(draft)[0].version
    assert compiled(draft)[0].version == before

    append(draft / "blocks" / "hero_season.txt", "One more line.\n")

    assert compiled(draft)[0].version != before


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        pytest.param(
            "blocks/hero_season.mjml", "\n{% if %}", "hero_season.mjml line {last}", id="syntax"
        ),
        pytest.param(
            "blocks/hero_season.mjml", "\n{{ nobody }}", "reads 'nobody'", id="undeclared"
        ),
        pytest.param(
            "blocks/hero_season.mjml",
            "{{ shop.motto }}",
            "hero_season.mjml line {last}: undefined",
            id="missing-field",
        ),
        pytest.param(
            "blocks/hero_season.txt",
            "{{ shop.motto }}",
            "hero_season.txt line {last}: undefined",
            id="missing-in-text",
        ),
        pytest.param(
            "blocks/hero_season.mjml", "{{ slot.title|safe }}", "unknown filter", id="safe"
        ),
        pytest.param(
            "blocks/hero_season.mjml",
            "{% autoescape false %}{% endautoescape %}",
            "not allowed",
            id="autoescape",
        ),
        pytest.param(
            "blocks/hero_season.mjml", "{{ shop.clear() }}", "'.clear(' is not allowed", id="method"
        ),
        pytest.param(
            "blocks/hero_season.mjml",
            "{{ shop['clear']() }}",
            "is not allowed",
            id="method-by-name",
        ),
        pytest.param("email.txt", "{% include 'x' %}", "not allowed", id="include"),
        pytest.param(
            "blocks/hero_season.txt",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "hero_season.txt line {last}: engine ran out of fuel",
            id="endless",
        ),
        pytest.param(
            "blocks/hero_season.txt",
            "{% set a = 'a' * 30000 %}{{ a|replace('a', a)|length }}",
            "hero_season.txt: takes more than",
            id="bomb",
        ),
    ],
)
def test_a_bad_template_is_refused_in_one_line(
    draft: Path, file: str, text: str, message: str
) -> None:
    append(draft / file, text)
    last = (draft / file).read_text(encoding="utf-8").count("\n") + 1

    with pytest.raises(ConfigError) as caught:
        compiled(draft)

    assert message.replace("{last}", str(last)) in str(caught.value)
    assert "\n" not in str(caught.value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        pytest.param(
            "email.mjml",
            '"{{ unsubscribe_url }}"',
            '"https://a.test"',
            "HTML has no unsubscribe",
            id="no-unsubscribe",
        ),
        pytest.param(
            "email.txt",
            "{{ unsubscribe_url }}",
            "",
            "text part has no unsubscribe",
            id="none-in-text",
        ),
        pytest.param(
            "email.mjml", ' lang="{{ language }}"', ' lang=""', "has no lang", id="no-lang"
        ),
        pytest.param(
            "email.mjml", "{{ shop.url|url }}", "javascript:x()", "not an address", id="script-link"
        ),
        pytest.param(
            "email.mjml",
            "{{ why }}",
            "{{ why }}<img src='https://a.test/b.png'>",
            "no alt text",
            id="no-alt",
        ),
        pytest.param("email.mjml", "{{ why }}", "{{ why }}" * 1500, "Gmail clips", id="too-large"),
        pytest.param(
            "campaign.yaml",
            "recency_days > 60",
            "recent_days > 60",
            "reads 'recent_days'",
            id="rule-typo",
        ),
        pytest.param(
            "campaign.yaml",
            "recency_days > 60",
            "recency_days >",
            "unexpected end",
            id="rule-broken",
        ),
        pytest.param(
            "campaign.yaml",
            "recency_days > 60",
            "recency_days > 'x' ~ nosuch()",
            "nosuch",
            id="rule-unknown",
        ),
        pytest.param(
            "campaign.yaml",
            "block: hero_season",
            "block: hero_nowhere",
            "block 'hero_nowhere' is missing",
            id="no-block",
        ),
    ],
)
def test_what_would_go_wrong_later_is_refused_now(
    draft: Path, file: str, old: str, new: str, message: str
) -> None:
    edit(draft / file, old, new)

    with pytest.raises(ConfigError) as caught:
        compiled(draft)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_made_of_customer_data_must_be_filtered(draft: Path) -> None:
    edit(draft / "campaign.yaml", '  first_name: ""', '  first_name: ""\n  page: "https://a.test/"')
    edit(draft / "email.mjml", "{{ why }}", '{{ why }} <a href="{{ page }}">Your page</a>')

    with pytest.raises(ConfigError, match=r"hostile data.*not an address we allow"):
        compiled(draft)


@pytest.mark.parametrize("missing", ["email.mjml", "blocks/hero_season.txt"])
def test_a_missing_file_is_named(draft: Path, missing: str) -> None:
    (draft / missing).unlink()

    with pytest.raises(ConfigError, match=f"{missing} is missing"):
        compiled(draft)


def test_a_file_that_is_not_utf_8_is_named(draft: Path) -> None:
    (draft / "email.mjml").write_bytes(b"<mjml>\xff")

    with pytest.raises(ConfigError, match=r"email\.mjml is not UTF-8"):
        compiled(draft)


def test_without_a_text_template_the_text_comes_from_the_html(draft: Path) -> None:
    (draft / "email.txt").unlink()

    campaign, _ = compiled(draft)

    assert campaign.static is not None
    assert "Good food, no fuss" in campaign.static["text"]
    assert "Fennel & Rye Grocers, 12 Market Lane" in campaign.static["text"]


def test_a_fault_of_the_mjml_names_the_file_with_its_folder(draft: Path) -> None:
    for file in (
        draft / "blocks" / "hero_season.mjml",
        draft.parents[1] / "blocks" / "product_grid.mjml",
    ):
        good = file.read_text(encoding="utf-8")
        file.write_text("<mj-text>", encoding="utf-8")

        with pytest.raises(ConfigError) as caught:
            compile_campaign(draft, static_products=[], tiles=[])

        assert str(caught.value).startswith(f"{file} line 1: <mj-text> is never closed")
        file.write_text(good, encoding="utf-8")
