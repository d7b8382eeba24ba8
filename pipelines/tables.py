"""Tables for people: in the widest form that the terminal has room for.

Names and numbers are never broken. A table that is too wide first breaks its sentences at
words, then lays its rows side by side as columns, then writes each row as a short paragraph.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_SENTENCE: Final = 40  # characters from which a cell is read, not looked up
_LEAST: Final = 24  # columns that a broken sentence needs
_FRAME: Final = 3  # columns that the frame takes for each cell
_TIED: Final = "\N{NO-BREAK SPACE}"  # between a name and its value


def table_for(
    out: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> RenderableType:
    """Return the table in the form that fits `out`; a file or a pipe has room for all."""
    cells = [[text_of(value) for value in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    numbers = [
        bool(rows) and all(isinstance(row[at], int | float | None) for row in rows)
        for at in range(len(columns))
    ]
    if not out.is_terminal or _whole(widths) <= out.width:
        return _table(columns, cells, numbers, {})
    sentences = [at for at, width in enumerate(widths) if at and width >= _SENTENCE]
    names = _whole(width for at, width in enumerate(widths) if at not in sentences)
    room = (out.width - names) // max(len(sentences), 1) - _FRAME
    if sentences and room >= _LEAST:
        return _table(columns, cells, numbers, dict.fromkeys(sentences, room))
    turned = [list(row) for row in zip(columns, *cells, strict=True)]
    across = [max(map(cell_len, column)) for column in zip(*turned, strict=True)]
    if _whole(across) <= out.width:
        return _table(turned[0], turned[1:], [False, *(True for _ in rows)], {})
    return _paragraphs(columns, cells, out.width)


def text_of(value: object) -> str:
    """Write a value as people read it: thousands apart, no more digits than say something."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return "" if value is None else str(value)


def _whole(widths: Iterable[int]) -> int:
    """Return how wide a table of these columns is, with its frame."""
    return sum(width + _FRAME for width in widths) + 1


def _table(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: Sequence[bool],
    widths: dict[int, int],
) -> Table:
    table = Table()
    for at, name in enumerate(columns):
        table.add_column(
            Text(name),
            justify="right" if right[at] else "left",
            no_wrap=at not in widths,
            overflow="fold",
            width=widths.get(at),
        )
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _paragraphs(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> Text:
    """Write each row as its name and, below it, what is known, broken between two facts."""
    text = Text()
    for first, *others in cells:
        text.append(f"{first}\n", style="bold")
        facts = [
            f"{name} {value}".replace(" ", _TIED) if len(value) < _SENTENCE else f"{name} {value}"
            for name, value in zip(columns[1:], others, strict=True)
            if value
        ]
        lines = textwrap.wrap(
            " · ".join(facts),
            width,
            initial_indent="  ",
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        text.append("".join(f"{line}\n" for line in lines).replace(_TIED, " "))
    text.right_crop()
    return text
