from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from content.campaign import campaign_folder, load_compiled
from core.errors import ConfigError, DataError, NotReadyError
from core.settings import Settings
from ingest.contract import ORDER_COMPLETED, TABLES
from pipelines.preview_campaign import preview_campaign
from pipelines.publish_campaign import publish_campaign
from profiles.profile import Pick, Profile
from profiles.snapshot import Manifest, write_snapshot

CONF = Path(__file__).parents[2] / "conf"
AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
LAST_WEEK_US = 1_511_500_000_000_000
LONG_AGO_US = 1_400_000_000_000_000
AWKWARD = 'Ben & Jerry\'s "Half" <Baked> Glacé 抹茶 ' + "very long " * 30


def table(name: str, rows: Sequence[dict[str, object]]) -> pa.Table:
    schema = TABLES[name]
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **row} for row in rows], schema)


def write_lake(home: Path, products: Sequence[dict[str, object]]) -> None:
    """A lake where p0 sells best, then p1 and so on; what sold long ago does not count."""
    lake = home / "lake"
    items = [
        {
            "event_id": f"{product['product_id']}-{buyer}-{ts_us}",
            "customer_id": str(buyer),
            "event": ORDER_COMPLETED,
            "ts_us": ts_us,
            "product_id": product["product_id"],
        }
        for place, product in enumerate(products)
        for ts_us, buyers in ((LAST_WEEK_US, 30 - place), (LONG_AGO_US, place * 2))
        for buyer in range(buyers)
    ]
    for name, day, rows in (
        ("events", "day=2017-11-24", [{"event_id": "e", "ts_us": LAST_WEEK_US}]),
        ("items", "day=2017-11-24", items),
        ("catalogue", "", products),
        ("customers", "", []),
        ("consents", "", []),
    ):
        folder = lake / name / day if day else lake
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(name, rows), folder / ("part.parquet" if day else f"{name}.parquet"))


def product(product_id: str, **given: object) -> dict[str, object]:
    return {
        "product_id": product_id,
        "name": f"Product {product_id}",
        "category": "GROCERY/MILK",
        "price_minor": 199,
        "currency": "USD",
        "available": True,
        **given,
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(CONF, tmp_path / "conf")
    products = [product(f"p{number}") for number in range(20)]
    products[0]["name"] = AWKWARD
    products[2]["available"] = False
    products[3]["category"] = "FUEL/UNLEADED"
    products[5]["name"] = products[4]["name"]
    write_lake(tmp_path / "var", products)
    return Settings(home=tmp_path / "var", conf=tmp_path / "conf")


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


def read(outcome_page: object) -> Callable[[str], str]:
    folder = Path(str(outcome_page)).parent
    return lambda name: (folder / name).read_text(encoding="utf-8")


def test_a_preview_needs_no_snapshot(settings: Settings) -> None:
    outcome = preview_campaign(settings, "weekly_picks", as_of=AS_OF)

    file = read(outcome.data["page"])
    page = file("index.html")
    for title in (
        "Customer sample",
        "Block hero_miss_you",
        "Block hero_big_shop",
        "Block hero_regular",
        "No consent to personalisation",
        "Unknown customer",
        "Static: everything else failed",
    ):
        assert f"<h2>{title}</h2>" in page
    assert page.count("<iframe") == 14
    assert "<Baked>" not in page
    assert "./assets/weekly_picks/tiles/grocery-milk.png" in file("0.html")
    assert not campaign_folder(settings.home, "weekly_picks").exists()  # looking publishes nothing


def snapshot(home: Path) -> None:
    bought = [
        Pick(f"p{number}", 1.0, "frequency", "You bought this 3 times") for number in (6, 7, 8, 9)
    ]
    people = [
        Profile("ann", {"cluster_traits": ["frequent"]}, {}, {}, {"buy_again": bought}),
        Profile("bob", {"cluster_traits": ["lapsing"]}, {}, {}, {"buy_again": bought[:1]}),
        Profile("cem", {"cluster_traits": ["frequent"]}, {}, {}, {}),
    ]
    popular = tuple(Pick(f"p{number}", 1.0, "popularity", "Popular") for number in (1, 4, 10, 11))
    manifest = Manifest(
        id="20171201-test",
        as_of=AS_OF,
        model_versions={},
        customers=0,
        outputs=("cluster_traits",),
        popular=popular,
    )
    write_snapshot(home, manifest, people)


def test_a_preview_shows_somebody_for_each_choice(settings: Settings) -> None:
    snapshot(settings.home)

    outcome = preview_campaign(settings, "weekly_picks", as_of=AS_OF)

    page = read(outcome.data["page"])("index.html")
    assert "<h2>Customer ann</h2>" in page
    assert "<h2>Customer bob</h2>" in page
    assert "Customer cem" not in page  # gets the same blocks as ann, with less to show
    assert "<h2>Block hero_season</h2>" in page
    assert "You bought this 3 times (frequency)" in page


def test_a_preview_shows_the_customers_asked_for(settings: Settings) -> None:
    snapshot(settings.home)

    outcome = preview_campaign(settings, "weekly_picks", as_of=AS_OF, customers=["bob", "cem"])

    assert outcome.data["emails"] == 2
    assert [row[0] for row in outcome.rows] == ["Customer bob", "Customer cem"]


def test_a_preview_of_an_unknown_customer_is_refused(settings: Settings) -> None:
    with pytest.raises(NotReadyError, match="sendwise score"):
        preview_campaign(settings, "weekly_picks", as_of=AS_OF, customers=["zoe"])

    snapshot(settings.home)

    with pytest.raises(DataError, match="no customer 'zoe'"):
        preview_campaign(settings, "weekly_picks", as_of=AS_OF, customers=["zoe"])
