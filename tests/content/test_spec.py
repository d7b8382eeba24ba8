from __future__ import annotations

from pathlib import Path

import pytest

from content.spec import load_spec
from core.errors import ConfigError


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "campaign.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_campaign_reads(draft: Path) -> None:
    spec = load_spec(draft)

    assert [slot.name for slot in spec.slots] == ["hero", "buy_again", "new_for_you"]
    assert spec.sender.address == "hello@fennel-and-rye.test"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("language: en", "tongue: en", "tongue: unknown", id="unknown-name"),
        pytest.param(
            "name: weekly_picks", "name: other", "differs from its folder", id="other-name"
        ),
        pytest.param("hello@fennel-and-rye.test", "nobody", "from.address", id="no-address"),
        pytest.param("      n: 4", "      n: 400", "slots.1.products.n", id="too-many-products"),
        pytest.param("url: https://shop", "url: javascript://shop", "not an http", id="bad-link"),
        pytest.param(
            "name: new_for_you", "name: hero", "slot 'hero' is there twice", id="slot-twice"
        ),
        pytest.param(
            "      - block: hero_season\n        reason: for everybody\n",
            "",
            "end with one that fits everybody",
            id="no-default-block",
        ),
        pytest.param(
            "        when: \"'frequent' in cluster_traits\"\n",
            "",
            "'hero_regular' has no `when`",
            id="block-never-reached",
        ),
        pytest.param("slots:", "slots: [", "line", id="not-yaml"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_field(
    draft: Path, old: str, new: str, message: str
) -> None:
    edit(draft, old, new)

    with pytest.raises(ConfigError) as caught:
        load_spec(draft)

    assert message in str(caught.value)
    assert "campaign.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_to_read_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"campaign\.yaml is missing.*write-a-campaign"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", r" is empty\. See docs", id="empty"),
        pytest.param(b"[]", r" holds no keys\. See docs", id="list"),
        pytest.param(b"\xff\xfe\x00", "", id="binary"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused(draft: Path, content: bytes, says: str) -> None:
    (draft / "campaign.yaml").write_bytes(content)

    with pytest.raises(ConfigError, match=rf"campaign\.yaml{says}"):
        load_spec(draft)


@pytest.mark.parametrize(
    ("shop", "address", "found"),
    [
        ("https://shop.rye.test/", "hello@rye.co.uk", "shop.rye.test"),
        ("https://rye.co.uk/", "hello@mail.example.com", "mail.example.com"),
        ("https://EXAMPLE.org/", "hello@rye.co.uk", "example.org"),
        ("https://example.rye.co.uk/", "hello@contest.uk", ""),
    ],
)
def test_a_shop_that_can_be_nobodys_is_found(
    draft: Path, shop: str, address: str, found: str
) -> None:
    edit(draft, "url: https://shop.fennel-and-rye.test/", f"url: {shop}")
    edit(draft, "https://shop.fennel-and-rye.test/p/", "https://rye.co.uk/p/")
    edit(draft, "hello@fennel-and-rye.test", address)
    edit(draft, "reply_to: service@fennel-and-rye.test", "reply_to: service@rye.co.uk")

    assert load_spec(draft).reserved_name() == found
