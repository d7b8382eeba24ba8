from __future__ import annotations

import pytest

from pipelines.page import filled


@pytest.mark.parametrize("sample", ["gallery.html", "preview.html"])
def test_both_pages_size_their_frames_with_the_same_style_and_script(sample: str) -> None:
    page = filled(sample, {})

    assert page.count("scrollHeight") == 1
    assert "<!--frames-->" not in page
    assert page.count("fieldset { display: inline-flex") == 1
    assert "<!--style-->" not in page
    assert 'id="phone"' in page  # which the script asks for


def test_each_mark_becomes_its_text() -> None:
    page = filled("preview.html", {"title": "weekly &amp; picks"})

    assert page.count("weekly &amp; picks") == 2
    assert "<!--title-->" not in page
    assert "<!--emails-->" in page
