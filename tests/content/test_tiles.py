from __future__ import annotations

import io

import pytest
from PIL import Image

from content.symbols import DRAWINGS
from content.tiles import DEFAULT_TILE, HEIGHT, WIDTH, department, make_tiles, tile_name


def test_there_is_a_tile_for_every_department_and_a_default() -> None:
    tiles = make_tiles(["GROCERY/MILK", "GROCERY/EGGS", "DRUG GM", "", "Épicerie fine/Thé", "食品"])

    assert sorted(tiles) == [
        "default.png",
        "drug-gm-care.png",
        "grocery-eggs.png",
        "grocery-milk.png",
        "picerie-fine-shop.png",
    ]


def test_tiles_are_small_sharp_pictures_and_the_same_every_time() -> None:
    categories = [f"DEPARTMENT {key}/{key}" for key in DRAWINGS]
    tiles = make_tiles(categories)

    assert tiles == make_tiles(reversed(categories))
    for name, picture in tiles.items():
        assert len(picture) <= 8_192, name
        assert Image.open(io.BytesIO(picture)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("GROCERY/FLUID MILK PRODUCTS/FLUID MILK", "grocery-milk.png"),
        ("PRODUCE/TROPICAL FRUIT/BANANAS", "produce-fruit.png"),
        ("GROCERY/EGGS/EGGS - LARGE", "grocery-eggs.png"),
        ("../../etc/passwd", DEFAULT_TILE),
        ("", DEFAULT_TILE),
        (None, DEFAULT_TILE),
        ("x" * 500, f"{'x' * 60}-shop.png"),
    ],
)
def test_a_category_has_a_plain_file_name(category: str | None, expected: str) -> None:
    assert tile_name(category) == expected


def test_the_department_is_the_first_word_of_the_path() -> None:
    assert department(" MEAT /BEEF") == "MEAT"
