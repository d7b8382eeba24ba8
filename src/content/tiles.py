"""Pictures for products that have none: one quiet tile per department."""

from __future__ import annotations

import re
from typing import Final

DEFAULT: Final = "default"


def department(category: str | None) -> str:
    """Return the first level of a category path."""
    return (category or "").partition("/")[0].strip()


def tile_name(category: str | None) -> str:
    """Return the file name of the tile for a category path; `default.png` when it has none."""
    slug = re.sub(r"[^a-z0-9]+", "-", department(category).casefold()).strip("-")
    return f"{slug[:60] or DEFAULT}.png"
