from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import DataError, NotReadyError
from core.settings import Settings
from pipelines.preview_campaign import preview_campaign
from tests.pipelines.campaign_shop import AS_OF, campaign_shop
from tests.pipelines.preview_people import snapshot

CAMPAIGN = "weekly_picks"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return campaign_shop(tmp_path)


def page_of(settings: Settings, *customers: str) -> str:
    outcome = preview_campaign(settings, CAMPAIGN, as_of=AS_OF, customers=customers)
    return Path(str(outcome.data["page"])).read_text(encoding="utf-8")


def test_a_preview_shows_somebody_for_each_choice(settings: Settings) -> None:
    snapshot(settings.home)

    page = page_of(settings)

    assert "<h2>Customer ann</h2>" in page
    assert "<h2>Customer bob</h2>" in page
    assert "Customer cem" not in page  # gets the same blocks as ann, with less to show
    assert "<h2>Block hero_season</h2>" in page
    assert "You bought this 3 times (frequency)" in page


def test_a_preview_shows_promoted_products_as_they_are_sent(settings: Settings) -> None:
    snapshot(settings.home)
    path = settings.conf / "campaigns" / CAMPAIGN / "campaign.yaml"
    promote = "      n: 4\n      promote: [{product_id: p17, place: 1, reason: Our own bread}]\n"
    path.write_text(path.read_text().replace("      n: 4\n", promote, 1))

    page = page_of(settings, "ann")

    assert page.index("Product p17 <i>popular</i>: Our own bread (promotion)") < page.index(
        "You bought this 3 times (frequency)"
    )


def test_a_preview_shows_the_customers_asked_for(settings: Settings) -> None:
    snapshot(settings.home)

    outcome = preview_campaign(settings, CAMPAIGN, as_of=AS_OF, customers=["bob", "cem"])

    assert outcome.data["emails"] == 2
    assert [row[0] for row in outcome.rows] == ["Customer bob", "Customer cem"]


def test_a_preview_of_an_unknown_customer_is_refused(settings: Settings) -> None:
    with pytest.raises(NotReadyError, match="sendwise score"):
        preview_campaign(settings, CAMPAIGN, as_of=AS_OF, customers=["zoe"])

    snapshot(settings.home)

    with pytest.raises(DataError, match="no customer 'zoe'"):
        preview_campaign(settings, CAMPAIGN, as_of=AS_OF, customers=["zoe"])
