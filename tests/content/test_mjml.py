from __future__ import annotations

from pathlib import Path

import pytest

from content.mjml import compile_html, compile_text, text_from
from content.spec import CampaignSpec, load_spec
from core.errors import ConfigError

SECTION = "<mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
BLOCKS = {
    name: SECTION.format(f"{name}: {{{{ slot.title }}}}")
    for name in ("hero_miss_you", "hero_big_shop", "hero_regular", "hero_season", "product_grid")
}
SLOTS = "\n{% slot hero %}\n{% slot buy_again %}\n{% slot new_for_you %}\n"
FRAME = '<mjml lang="{{ language }}"><mj-body>' + SLOTS + "</mj-body></mjml>"


@pytest.fixture
def spec(draft: Path) -> CampaignSpec:
    return load_spec(draft)


def test_every_block_of_every_slot_is_in_the_one_template(spec: CampaignSpec) -> None:
    template = compile_html(spec, FRAME, BLOCKS)

    assert '{% if slot.block == "hero_miss_you" %}' in template
    assert '{% elif slot.block == "hero_season" %}' in template
    assert template.count("product_grid: {{ slot.title }}") == 2
    assert '<html lang="{{ language }}"' in template


def test_css_is_inlined_and_media_rules_stay(spec: CampaignSpec) -> None:
    style = (
        "<mj-head><mj-style>.big div { letter-spacing: 3px; } "
        "@media (prefers-color-scheme: dark) { .big div { color: #fedcba; } }</mj-style></mj-head>"
    )
    blocks = {
        **BLOCKS,
        "hero_season": BLOCKS["hero_season"].replace("<mj-text", '<mj-text css-class="big"'),
    }

    template = compile_html(spec, FRAME.replace("<mj-body>", style + "<mj-body>"), blocks)

    assert "letter-spacing: 3px" in template[template.index("<body") :]
    assert "prefers-color-scheme: dark" in template[: template.index("<body")]


def test_loops_in_tables_and_quotes_in_tags_survive(spec: CampaignSpec) -> None:
    loop = (
        "<mj-section><mj-column><mj-raw>{% for p in slot.products if p.price and 1 < 2 %}</mj-raw>"
        '<mj-text><a href="{{ p.url|default("https://a.test") }}">{{ p.name }}</a></mj-text>'
        "<mj-raw>{% endfor %}</mj-raw></mj-column></mj-section>"
    )

    template = compile_html(spec, FRAME, {**BLOCKS, "product_grid": loop})

    row = template[template.index("{% for p") : template.index("{% endfor %}")]
    assert "{% for p in slot.products if p.price and 1 < 2 %}<tr>" in template
    assert 'href="{{ p.url|default("https://a.test") }}"' in row


def test_nothing_is_fetched_from_the_network(spec: CampaignSpec) -> None:
    template = compile_html(spec, FRAME, BLOCKS)

    assert "fonts.googleapis" not in template
    assert "<link" not in template


@pytest.mark.parametrize(
    ("block", "message"),
    [
        pytest.param(
            "<mj-section>\n<mj-colunm></mj-colunm></mj-section>",
            "line 2: <mj-colunm> is not",
            id="unknown-tag",
        ),
        pytest.param(
            "<mj-section>\n<mj-column>\n</mj-section>",
            "line 3: </mj-section> closes <mj-column> of line 2",
            id="crossed",
        ),
        pytest.param("\n\n<mj-section>", "line 3: <mj-section> is never closed", id="open"),
        pytest.param("</mj-section>", "line 1: </mj-section> closes <nothing>", id="closed-twice"),
        pytest.param('<mj-include path="/etc/passwd" />', "<mj-include> is not", id="include-file"),
        pytest.param(
            '<mj-include path="http://127.0.0.1/x" />', "<mj-include> is not", id="include-url"
        ),
        pytest.param(
            "<mj-section>\n<mj-text <</mj-text></mj-section>", "hero_season.mjml", id="nonsense"
        ),
        pytest.param(
            "<mj-social>\n<mj-text>x</mj-text></mj-social>",
            "line 2: MJML cannot be read: <mj-text> does not belong inside the tag around it. Move",
            id="misplaced-tag",
        ),
        pytest.param(
            "<mj-social>\nhello {{ first_name }}</mj-social>",
            "line 2: MJML cannot be read: the text 'hello {{ }}' does not belong there: a tag",
            id="misplaced-text",
        ),
        pytest.param(
            "<mj-text>\nx</p></mj-text>",
            "line 2: MJML cannot be read: the end of the file does not belong there: a tag before",
            id="a-tag-of-html-closed-twice",
        ),
        pytest.param(
            "<mj-text>x<p></mj-text>", "inside a tag that is never closed. Close it", id="html-open"
        ),
        pytest.param("<mj-text a=b></mj-text>", '<tag name="value">, with quotes', id="no-quotes"),
    ],
)
def test_broken_mjml_is_one_line_with_file_and_line(
    spec: CampaignSpec, block: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_html(spec, FRAME, {**BLOCKS, "hero_season": block})

    assert message in str(caught.value)
    assert "hero_season.mjml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        pytest.param(
            FRAME.replace("{% slot hero %}", ""), "slot hero %} 0 times", id="slot-forgotten"
        ),
        pytest.param(
            FRAME.replace("hero %}", "hero %}{% slot hero %}"), "2 times", id="slot-twice"
        ),
        pytest.param(
            FRAME.replace("slot hero", "slot heroes"), "line 2: no slot 'heroes'", id="slot-unknown"
        ),
        pytest.param("<mjml><mj-body></mj-body></mjml>", "would show no block", id="no-slot"),
    ],
)
def test_the_frame_has_every_slot_once(spec: CampaignSpec, frame: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_html(spec, frame, BLOCKS)

    assert message in str(caught.value)


def test_text_comes_from_its_own_templates(spec: CampaignSpec) -> None:
    text = compile_text(spec, SLOTS, dict.fromkeys(BLOCKS, "* {{ slot.title }}"))

    assert text.count("{% with slot = slots.buy_again %}") == 1
    assert "* {{ slot.title }}" in text


def test_text_can_be_made_from_the_html(spec: CampaignSpec) -> None:
    frame = FRAME.replace(
        "</mj-body>", SECTION.format('<a href="{{ unsubscribe_url }}">No more</a>') + "</mj-body>"
    )

    text = text_from(compile_html(spec, frame, BLOCKS))

    assert (
        "[No more](<{{ unsubscribe_url }}>)" in text or "[No more]({{ unsubscribe_url }})" in text
    )
    assert "hero_season: {{ slot.title }}" in text
    assert "<" not in text.replace("(<{{", "").replace("}}>)", "")
