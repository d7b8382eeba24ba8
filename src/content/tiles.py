"""Pictures for products that have none: a quiet tile with the department's name."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from content.symbols import DRAWINGS, Pen, shelf

WIDTH, HEIGHT = 336, 252  # pixels; shown at half of that, so it is sharp on a phone
DEFAULT_TILE: Final = "default.png"

_SCALE: Final = 3  # drawn larger and shrunk: Pillow's shapes have no smooth edges
_COLOURS: Final = 32
_LETTERS: Final = 17  # what fits in one line


def department(category: str | None) -> str:
    """Return the first level of a category path."""
    return (category or "").partition("/")[0].strip()


@lru_cache(maxsize=4096)
def tile_name(category: str | None) -> str:
    """Return the file name of the tile for a category path."""
    slug = re.sub(r"[^a-z0-9]+", "-", department(category).casefold()).strip("-")[:60]
    return f"{slug}-{shelf(category or '')}.png" if slug else DEFAULT_TILE


def make_tiles(categories: Iterable[str]) -> dict[str, bytes]:
    """Draw one PNG per department and kind of shelf in `categories`, and the default one.

    The same categories give the same bytes.
    """
    wanted = {tile_name(category): category for category in sorted(set(categories), reverse=True)}
    tiles = {name: _draw(shelf(c), department(c)) for name, c in sorted(wanted.items())}
    return {**tiles, DEFAULT_TILE: _draw("shop", "")}


def _draw(key: str, label: str) -> bytes:
    drawing, palette = DRAWINGS[key]
    width, height = WIDTH * _SCALE, HEIGHT * _SCALE
    picture = Image.new("RGB", (width, height), palette.ground)
    draw = ImageDraw.Draw(picture)
    text = _readable(label)
    size = height * (0.52 if text else 0.60)
    top = height * (0.12 if text else 0.20)
    drawing(Pen(draw, ((width - size) / 2, top), size / 100, palette))
    if text:
        font = ImageFont.load_default(size=height * 0.105)
        draw.text((width / 2, height * 0.82), text, fill=palette.ink, font=font, anchor="mm")
    small = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _readable(label: str) -> str:
    """Return the label as the tile shows it; empty for scripts the built-in type lacks."""
    if any(ord(letter) > 0x17F for letter in label):
        return ""
    text = " ".join(label.split())
    text = text.capitalize() if text.isupper() else text
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1].rstrip() + "…"
