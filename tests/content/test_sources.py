from __future__ import annotations

from pathlib import Path

import pytest

from content.sources import MAX_PICTURE, read_pictures, read_sources
from content.spec import load_spec
from core.errors import ConfigError


def test_a_campaigns_own_block_wins_over_the_shared_one(draft: Path) -> None:
    (draft / "blocks" / "product_grid.mjml").write_text("mine", encoding="utf-8")
    (draft / "blocks" / "product_grid.txt").write_text("mine too", encoding="utf-8")

    sources = read_sources(draft, load_spec(draft))

    assert sources.blocks["product_grid"] == "mine"
    assert sources.paths()["product_grid.txt"] == draft / "blocks" / "product_grid.txt"
    assert sorted(sources.files()) == sorted(sources.paths())


def test_the_campaigns_pictures_are_read(draft: Path) -> None:
    pictures = read_pictures(draft)

    assert "hero-season.png" in pictures
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())


@pytest.mark.parametrize("name", ["page.html", "a b.png", "Hero.PNG", ".hidden.png", "x.svg"])
def test_what_is_no_picture_is_refused(draft: Path, name: str) -> None:
    (draft / "pictures" / name).write_bytes(b"x")

    with pytest.raises(ConfigError, match="name pictures like"):
        read_pictures(draft)


def test_a_picture_too_large_for_a_phone_is_refused(draft: Path) -> None:
    (draft / "pictures" / "big.png").write_bytes(b"x" * (MAX_PICTURE + 1))

    with pytest.raises(ConfigError, match=r"big\.png has 300,001 bytes"):
        read_pictures(draft)


def test_a_campaign_without_pictures_is_fine(tmp_path: Path) -> None:
    assert read_pictures(tmp_path) == {}
