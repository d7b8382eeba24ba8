from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from content.campaign import (
    CompiledCampaign,
    campaign_folder,
    load_compiled,
    published,
    save_compiled,
)
from core.errors import NotReadyError

TILES = {"default.png": b"png", "grocery-milk.png": b"png"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return campaign_folder(tmp_path, "weekly_picks")


def test_what_is_saved_is_what_is_loaded(campaign: CompiledCampaign, folder: Path) -> None:
    save_compiled(campaign, TILES, folder)

    assert load_compiled(folder) == campaign
    assert sorted(path.name for path in (folder / "tiles").iterdir()) == sorted(TILES)
    assert published(folder.parents[2]) == ["weekly_picks"]


def test_a_new_version_takes_over_and_the_one_before_stays(
    campaign: CompiledCampaign, folder: Path
) -> None:
    for version in ("v1", "v2", "v3"):
        save_compiled(replace(campaign, version=version), TILES, folder)

    assert load_compiled(folder).version == "v3"
    kept = sorted(path.name for path in folder.resolve().parent.iterdir())
    assert kept == ["v2", "v3"]


def test_saving_the_same_again_repairs_it(campaign: CompiledCampaign, folder: Path) -> None:
    save_compiled(campaign, TILES, folder)
    (folder / "tiles" / "default.png").unlink()
    (folder / "email.txt").unlink()

    save_compiled(campaign, TILES, folder)

    assert load_compiled(folder) == campaign
    assert (folder / "tiles" / "default.png").is_file()


def test_a_folder_that_was_copied_without_its_links_is_replaced(
    campaign: CompiledCampaign, folder: Path
) -> None:
    save_compiled(campaign, TILES, folder)
    copy = campaign_folder(folder.parents[3] / "copy", "weekly_picks")
    shutil.copytree(folder, copy)

    save_compiled(replace(campaign, version="new"), TILES, copy)

    assert load_compiled(copy).version == "new"


def test_a_failure_leaves_the_old_one(campaign: CompiledCampaign, folder: Path) -> None:
    save_compiled(campaign, TILES, folder)
    broken = {**TILES, "no/such/folder.png": b""}

    with pytest.raises(FileNotFoundError):
        save_compiled(replace(campaign, version="new"), broken, folder)

    assert load_compiled(folder) == campaign
    assert [path.name for path in folder.resolve().parent.iterdir()] == [campaign.version]


def test_a_campaign_that_was_never_published_says_what_to_do(folder: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise publish weekly_picks"):
        load_compiled(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("campaign.json", b"{"),
        ("campaign.json", b"{}"),
        ("static.json", b"\xff"),
        ("email.html", b"{% if %}"),
    ],
)
def test_a_damaged_bundle_is_named(
    campaign: CompiledCampaign, folder: Path, file: str, content: bytes
) -> None:
    save_compiled(campaign, TILES, folder)
    (folder / file).write_bytes(content)

    with pytest.raises(NotReadyError, match="is damaged"):
        load_compiled(folder)
