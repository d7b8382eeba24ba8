from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import escape
from pathlib import Path

import pytest

from content.campaign import campaign_folder, save_compiled
from core.settings import Settings
from pipelines.preview_campaign import preview_campaign
from pipelines.publish_campaign import prepare, publish_campaign
from tests.pipelines.campaign_shop import AS_OF, campaign_shop
from tests.pipelines.preview_people import snapshot

CAMPAIGN = "weekly_picks"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return campaign_shop(tmp_path)


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
    assert page.count(f'srcdoc="{escape(file("0.html"))}"') == 2  # on a desktop and on a phone
    assert "<Baked>" not in page
    assert "./assets/weekly_picks/tiles/grocery-milk.png" in file("0.html")
    assert not campaign_folder(settings.home, "weekly_picks").exists()  # looking publishes nothing


def test_a_preview_of_another_time_than_the_snapshots_says_so(settings: Settings) -> None:
    snapshot(settings.home)

    then = preview_campaign(settings, "weekly_picks", as_of=AS_OF)
    later = preview_campaign(settings, "weekly_picks", as_of=AS_OF + timedelta(days=30))

    assert not any("The snapshot is of" in note for note in then.notes)
    assert "The snapshot is of 2017-12-01, not of 2017-12-31" in " ".join(later.notes)
    assert "not of 2017-12-31" in read(later.data["page"])("index.html")


def test_a_preview_says_whether_it_is_the_version_that_is_published(settings: Settings) -> None:
    assert "is not published" in preview_campaign(settings, CAMPAIGN, as_of=AS_OF).notes[0]
    published = publish_campaign(settings, CAMPAIGN, as_of=AS_OF).data["version"]

    same = preview_campaign(settings, CAMPAIGN, as_of=AS_OF)

    assert same.notes[0] == "This is the version that is published."
    assert same.notes[0] in read(same.data["page"])("index.html")

    frame = settings.conf / "campaigns" / CAMPAIGN / "email.mjml"
    frame.write_text(frame.read_text().replace('width="640px"', 'width="620px"', 1))
    edited = preview_campaign(settings, CAMPAIGN, as_of=AS_OF)

    said = f"This is version {edited.data['version']}, not {published}, which is published: "
    assert edited.notes[0].startswith(f"{said}its files have changed since. `sendwise publish")


def test_a_preview_of_another_time_than_was_published_says_what_differs(settings: Settings) -> None:
    ready = prepare(settings, CAMPAIGN, as_of=AS_OF)
    campaign, folder = ready.campaign, campaign_folder(settings.home, CAMPAIGN)
    products = campaign.static_products
    dearer = [{**one, "price_minor": 1} for one in products]
    for changed, why in (
        ({"static_products": products[1:]}, "with another --as-of or newer data"),
        ({"static_products": tuple(dearer)}, "its products have changed in the catalogue"),
        ({}, "its pictures are others"),
    ):
        save_compiled(replace(campaign, version="other", **changed), ready.tiles, folder)
        assert why in preview_campaign(settings, CAMPAIGN, as_of=AS_OF).notes[0]
        publish_campaign(settings, CAMPAIGN, as_of=AS_OF)


def test_a_preview_that_may_not_be_written_names_the_cause_and_leaves_the_last(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = preview_campaign(settings, "weekly_picks", as_of=AS_OF)

    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(PermissionError, match="Permission denied"):
        preview_campaign(settings, "weekly_picks", as_of=AS_OF)

    assert read(before.data["page"])("index.html")
