"""Tables in terminals of every width: names and numbers stay whole."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pipelines.tables import table_for

CONTENDERS = (
    ("model", "role", "ndcg20_new", "recall20_new", "ndcg20_all", "registered"),
    [
        ("als", "candidate", 0.0931, 0.1234, 0.2345, "v1 (champion)"),
        ("frequency-popularity", "baseline", 0.0531, None, 0.3345, ""),
    ],
)
STEPS = (
    ("step", "what came of it", "time"),
    [("train propensity", "a sentence of many words " * 4, "9.0 s")],
)


def shown(table: tuple[tuple[str, ...], list[tuple[object, ...]]], width: int) -> list[str]:
    out = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    out.print(table_for(out, *table))
    assert isinstance(out.file, StringIO)
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_names_and_numbers_are_whole_at_every_width(width: int) -> None:
    lines = shown(CONTENDERS, width)

    text = "\n".join(lines)
    whole = (*CONTENDERS[0][1:], "frequency-popularity", "v1 (champion)", "0.0931", "0.3345")
    assert all(name in text for name in whole)
    assert max(map(len, lines)) <= width


def test_a_table_that_is_too_wide_has_its_rows_side_by_side() -> None:
    lines = shown(CONTENDERS, 80)

    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert cells[:2] == [["role", "candidate", "baseline"], ["ndcg20_new", "0.0931", "0.0531"]]
    assert ["recall20_new", "0.1234", ""] in cells


def test_where_not_even_that_fits_each_row_is_a_paragraph() -> None:
    assert shown(CONTENDERS, 40) == [
        "als",
        "  role candidate · ndcg20_new 0.0931 ·",
        "  recall20_new 0.1234 ·",
        "  ndcg20_all 0.2345 ·",
        "  registered v1 (champion)",
        "frequency-popularity",
        "  role baseline · ndcg20_new 0.0531 ·",
        "  ndcg20_all 0.3345",
    ]


def test_sentences_are_broken_at_words_before_anything_else() -> None:
    lines = [line for line in shown(STEPS, 80) if "│" in line]

    assert lines[0].startswith("│ train propensity │ a sentence of many words")
    assert lines[0].endswith("│ 9.0 s │")
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80


def test_what_is_piped_has_room_for_every_column() -> None:
    out = Console(file=StringIO(), width=10_000)
    out.print(table_for(out, *STEPS))

    assert isinstance(out.file, StringIO)
    assert ("a sentence of many words " * 4).strip() in out.file.getvalue()
