from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from content.campaign import campaign_folder, load_compiled
from core.errors import ConfigError, DataError, NotReadyError
from core.settings import Settings
from pipelines.preview_campaign import preview_campaign
from pipelines.publish_campaign import publish_campaign
from tests.pipelines.campaign_shop import AS_OF, campaign_shop, product, write_lake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return campaign_shop(tmp_path)


def test_publish_compiles_with_the_best_sellers_and_tiles(settings: Settings) -> None:
    outcome = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    campaign = load_compiled(campaign_folder(settings.home, "weekly_picks"))
    assert outcome.status == "done"
    assert outcome.data["version"] == campaign.version
    static = [each["product_id"] for each in campaign.static_products]
    assert static == ["p0", "p1", "p4", *(f"p{number}" for number in range(6, 15))]
    assert {"default.png", "grocery-milk.png", "fuel-shop.png"} <= campaign.tiles
    assert "hero-season.png" in campaign.tiles  # the campaign's own
    assert campaign.static is not None
    assert (
        "Ben &amp; Jerry&#x27;s &quot;Half&quot; &lt;Baked&gt; Glacé 抹茶"
        in campaign.static["html"]
    )


def test_publishing_the_same_again_changes_nothing(settings: Settings) -> None:
    first = publish_campaign(settings, "weekly_picks", as_of=AS_OF)
    again = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert again.status == "unchanged"
    assert again.data == first.data


def test_the_day_of_publishing_changes_nothing(settings: Settings) -> None:
    preview = preview_campaign(settings, "weekly_picks", as_of=AS_OF + timedelta(days=1))
    first = publish_campaign(settings, "weekly_picks", as_of=AS_OF)
    years_later = publish_campaign(settings, "weekly_picks", as_of=AS_OF + timedelta(days=2_000))

    assert preview.data["version"] == first.data["version"]
    assert years_later.status == "unchanged"
    assert years_later.data == first.data


def test_what_is_sensitive_is_no_best_seller(settings: Settings) -> None:
    products = [product(f"p{number}") for number in range(20)]
    products[0]["attributes"] = '{"sensitive": true}'
    write_lake(settings.home, products)

    outcome = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert outcome.data["static_products"] == [f"p{number}" for number in range(1, 13)]


def test_a_failed_publish_leaves_the_old_one(settings: Settings) -> None:
    publish_campaign(settings, "weekly_picks", as_of=AS_OF)
    folder = campaign_folder(settings.home, "weekly_picks")
    before = load_compiled(folder)
    block = settings.conf / "campaigns" / "weekly_picks" / "blocks" / "hero_season.mjml"
    block.write_text("<mj-section>{% if %}", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"hero_season\.mjml line 1"):
        publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert load_compiled(folder) == before


def test_an_unknown_campaign_names_those_there_are(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"no campaign 'spring_sale'.*There is: weekly_picks\."):
        publish_campaign(settings, "spring_sale", as_of=AS_OF)


def test_a_conf_folder_that_is_elsewhere_is_said_with_its_setting(
    settings: Settings, tmp_path: Path
) -> None:
    lost = Settings(home=settings.home, conf=tmp_path / "nowhere")

    with pytest.raises(ConfigError, match=r"no campaign 'weekly_picks'.*set SENDWISE_CONF"):
        publish_campaign(lost, "weekly_picks", as_of=AS_OF)


@pytest.mark.parametrize("name", ["../weekly_picks", "", ".", "/etc"])
def test_a_name_cannot_leave_the_folder_of_campaigns(settings: Settings, name: str) -> None:
    with pytest.raises(ConfigError, match="no campaign"):
        publish_campaign(settings, name, as_of=AS_OF)


def test_an_empty_catalogue_is_said(settings: Settings) -> None:
    write_lake(settings.home, [])

    with pytest.raises(DataError, match=r"catalogue in .* is empty"):
        publish_campaign(settings, "weekly_picks", as_of=AS_OF)


def test_an_empty_workspace_says_what_comes_first(settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"home": tmp_path / "nothing"})

    with pytest.raises(NotReadyError, match="sendwise import"):
        publish_campaign(empty, "weekly_picks", as_of=AS_OF)


def test_a_changed_picture_makes_a_new_version(settings: Settings) -> None:
    first = publish_campaign(settings, "weekly_picks", as_of=AS_OF)
    folder = settings.conf / "campaigns" / "weekly_picks" / "pictures"
    (folder / "hero-season.png").write_bytes((folder / "hero-regular.png").read_bytes())

    again = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert again.status == "done"
    assert again.data["version"] != first.data["version"]


def with_static(settings: Settings, ids: str) -> None:
    path = settings.conf / "campaigns" / "weekly_picks" / "campaign.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  products: [] ", f"  products: {ids} "), encoding="utf-8")


def test_static_products_can_be_named(settings: Settings) -> None:
    with_static(settings, "[p7, p1]")

    outcome = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert outcome.data["static_products"] == ["p7", "p1"]


def test_a_static_product_that_is_not_in_the_catalogue_is_named(settings: Settings) -> None:
    with_static(settings, "[p7, nowhere]")

    with pytest.raises(ConfigError, match="no product 'nowhere' in the catalogue"):
        publish_campaign(settings, "weekly_picks", as_of=AS_OF)


def test_a_shop_that_is_nobodys_is_said_until_it_is_ones_own(settings: Settings) -> None:
    shipped = publish_campaign(settings, "weekly_picks", as_of=AS_OF)
    path = settings.conf / "campaigns" / "weekly_picks" / "campaign.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("fennel-and-rye.test", "rye.co.uk"), encoding="utf-8")
    own = publish_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert any("lead to shop.fennel-and-rye.test, nobody's shop" in note for note in shipped.notes)
    assert not any("nobody's shop" in note for note in own.notes)
