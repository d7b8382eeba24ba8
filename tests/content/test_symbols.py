from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from content.symbols import DRAWINGS, Palette, Pen, shelf

PALETTE = Palette(ground="#ffffff", ink="#000000", light="#888888")


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("GROCERY/FROZEN PIZZA", "frozen"),  # narrow shelves come before wide ones
        ("GROCERY/FRZN ICE/ICE - CRUSHED & CUBED", "frozen"),
        ("GROCERY/CAT FOOD", "pets"),
        ("GROCERY/CATSUP", "pantry"),  # whole words only
        ("MEAT-PCKGD/HOT DOGS", "meat"),
        ("PRODUCE/TROPICAL FRUIT/BANANAS", "fruit"),
        ("PRODUCE/POTATOES", "vegetables"),
        ("Drinks/Tea", "coffee"),
        ("DRUG GM/ORAL HYGIENE", "care"),
        ("nothing we know", "shop"),
        ("", "shop"),
    ],
)
def test_a_category_finds_its_shelf(category: str, expected: str) -> None:
    assert shelf(category) == expected


@pytest.mark.parametrize("key", DRAWINGS)
def test_a_drawing_has_its_tones_and_stays_inside_its_square(key: str) -> None:
    drawing, _ = DRAWINGS[key]
    picture = Image.new("RGB", (140, 140), PALETTE.ground)

    drawing(Pen(ImageDraw.Draw(picture), (20, 20), 1.0, PALETTE))

    box = Image.eval(picture.convert("L"), lambda tone: 255 - tone).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert left >= 19
    assert top >= 19
    assert right <= 122
    assert bottom <= 122
    tones = {tone for _, tone in picture.getcolors() or []}
    assert {(0, 0, 0), (136, 136, 136), (255, 255, 255)} <= tones


def test_no_two_shelves_look_the_same() -> None:
    def drawn(key: str) -> bytes:
        picture = Image.new("L", (100, 100), 255)
        drawing, _ = DRAWINGS[key]
        drawing(Pen(ImageDraw.Draw(picture), (0, 0), 1.0, PALETTE))
        return picture.tobytes()

    assert len({drawn(key) for key in DRAWINGS}) == len(DRAWINGS)
