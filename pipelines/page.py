"""The pages that people look at: a sample of `pages/`, with its marks filled in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PAGES: Final = Path(__file__).parent / "pages"


def filled(sample: str, marks: Mapping[str, str]) -> str:
    """Return the page `sample` with each `<!--mark-->` replaced by its HTML.

    `<!--style-->` is the look they share, `<!--frames-->` the script that makes frames as tall as
    the e-mails in them.
    """
    page = (_PAGES / sample).read_text(encoding="utf-8")
    shared = {
        mark: (_PAGES / file).read_text(encoding="utf-8")
        for mark, file in (("style", "frames.css"), ("frames", "frames.js"))
    }
    for mark, text in {**shared, **marks}.items():
        page = page.replace(f"<!--{mark}-->", text)
    return page
