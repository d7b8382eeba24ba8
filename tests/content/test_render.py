from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from content.campaign import CompiledCampaign, Product
from content.decide import decide
from content.decision import Candidates, Decision, Person
from content.render import Context, edition, render, static_content, tidy
from profiles.profile import Pick

CONTEXT = Context(
    public_url="https://mail.shop.test/",
    unsubscribe_url="https://mail.shop.test/unsubscribe/abc?d=1&e=2",
    first_name="Ann",
)
NASTY = "Ann <script>alert('x')</script> & \"Co\" Zoë 株式会社 🥕"


@pytest.fixture(scope="module")
def decision(campaign: CompiledCampaign, product: Callable[..., Product]) -> Decision:
    products = {f"a{n}": product(f"a{n}", name=f"Loaf {n}") for n in range(8)}
    own = [Pick(f"a{n}", 1.0, "frequency", f"You bought this {n + 2} times") for n in range(8)]
    person = Person(
        customer_id="ann",
        outputs={"cluster_traits": ["frequent"]},
        lists={"buy_again": own[:4], "new_for_you": own[4:]},
    )
    return decide(campaign, person, candidates=Candidates(products=products))


def test_the_email_shows_what_was_decided(campaign: CompiledCampaign, decision: Decision) -> None:
    got = render(campaign, decision, CONTEXT)

    assert got.subject == "Ann, your picks for this week"
    assert got.failure is None
    for part in (got.html, got.text):
        assert "Hello Ann," in part
        assert "You bought this 2 times" in part
        assert "$2.50" in part
    assert '<html lang="en"' in got.html
    assert "Your usual, and a little more" in got.html
    assert [(block.slot, block.block) for block in got.blocks] == [
        ("hero", "hero_regular"),
        ("buy_again", "product_grid"),
        ("new_for_you", "product_grid"),
    ]


def test_each_block_has_its_own_html(campaign: CompiledCampaign, decision: Decision) -> None:
    got = render(campaign, decision, CONTEXT)

    assert "Loaf 0" in got.blocks[1].html
    assert "Loaf 4" not in got.blocks[1].html
    assert all(block.html in got.html for block in got.blocks)
    assert "<!--slot" not in got.html


def test_a_stored_decision_gives_the_same_bytes(
    campaign: CompiledCampaign, decision: Decision
) -> None:
    kept = json.loads(json.dumps(decision.to_dict()))

    assert render(campaign, Decision.from_dict(kept), CONTEXT) == render(
        campaign, decision, CONTEXT
    )


def test_without_a_name_the_greeting_falls_back(
    campaign: CompiledCampaign, decision: Decision
) -> None:
    got = render(campaign, decision, replace(CONTEXT, first_name=None))

    assert "Hello," in got.text
    assert "Hello ," not in got.text
    assert got.subject == "Your picks for this week"


def test_a_name_is_not_used_without_consent(campaign: CompiledCampaign, decision: Decision) -> None:
    got = render(campaign, replace(decision, personal=False), CONTEXT)

    assert "Ann" not in got.html + got.text + got.subject
    assert "You have not agreed to personal suggestions" in got.text


def test_hostile_and_foreign_names_are_shown_and_do_nothing(
    campaign: CompiledCampaign, decision: Decision
) -> None:
    slots = tuple(
        replace(
            choice,
            products=tuple(
                replace(p, name=NASTY, reason=NASTY, url="javascript:alert(1)", image_url="data:x")
                for p in choice.products
            ),
        )
        for choice in decision.slots
    )

    got = render(campaign, replace(decision, slots=slots), replace(CONTEXT, first_name=NASTY))

    assert "<script" not in got.html
    assert "javascript:" not in got.html + got.text
    assert "data:x" not in got.html
    assert "Ann &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; &quot;Co&quot;" in got.html
    assert "Zoë 株式会社 🥕" in got.html
    assert NASTY in got.text


def test_a_name_cannot_break_the_subject_line(
    campaign: CompiledCampaign, decision: Decision
) -> None:
    context = replace(CONTEXT, first_name="Ann\r\nBcc: all@shop.test" + "x" * 5000)

    got = render(campaign, decision, context)

    assert "\n" not in got.subject
    assert len(got.subject) <= 200


def test_a_product_without_a_picture_gets_its_departments_tile(
    campaign: CompiledCampaign, decision: Decision
) -> None:
    tiles = "https://mail.shop.test/assets/weekly_picks/tiles/"
    own = replace(decision.slots[1].products[0], image_url="https://cdn.test/a.png")
    odd = replace(decision.slots[1].products[1], category="NOWHERE/SEEN")
    rest = decision.slots[1].products[2:]
    slots = (decision.slots[0], replace(decision.slots[1], products=(own, odd, *rest)))  # no third

    got = _Images.of(render(campaign, replace(decision, slots=slots), CONTEXT).html)

    assert got == [
        f"{tiles}hero-regular.png",
        "https://cdn.test/a.png",
        f"{tiles}default.png",
        f"{tiles}grocery-milk.png",
        f"{tiles}grocery-milk.png",
    ]


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_template_that_fails_gives_the_static_email(
    campaign: CompiledCampaign, decision: Decision, part: str
) -> None:
    broken = replace(campaign, **{part: "{{ shop.name.nothing.here }}"})  # type: ignore[arg-type]

    got = render(broken, decision, CONTEXT)

    assert got.rung == "static"
    assert got.failure is not None
    assert got.subject == "Your picks for this week"
    assert "Favourite 0" in got.html
    assert "sendwise.invalid" not in got.html + got.text
    assert "unsubscribe/abc?d=1&amp;e=2" in got.html
    assert CONTEXT.unsubscribe_url in got.text
    assert all(block.rung == "static" and block.html for block in got.blocks)


def test_the_static_email_says_nothing_of_consent(campaign: CompiledCampaign) -> None:
    got = static_content(campaign, CONTEXT)

    assert "not agreed" not in got.html
    assert "made for you" not in got.html
    assert "https://mail.shop.test/assets/weekly_picks/tiles/" in got.html


def test_an_email_is_called_personal_only_when_it_is(decision: Decision) -> None:
    popular = tuple(
        replace(choice, products=tuple(replace(p, rung="popular") for p in choice.products))
        for choice in decision.slots
    )

    assert edition(decision) == "personal"
    assert edition(replace(decision, slots=popular)) == "general"
    assert edition(replace(decision, personal=False)) == "no_consent"


def test_text_is_tidied() -> None:
    assert tidy("\n\na  \n\n\n\n b\n") == "a\n\n b\n"


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str | None] = []

    @classmethod
    def of(cls, page: str) -> list[str | None]:
        parser = cls()
        parser.feed(page)
        return parser.sources

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.sources.append(dict(attrs)["src"])
