"""On which line of its CSV file, as an editor counts, every row begins. Line 1 has the names.

DuckDB numbers the rows it could read and says at which byte a malformed one begins. The lines
of the file tell the rest: empty ones are no rows, and a quoted field may go over several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import pyarrow as pa


def lines_at(path: Path, offsets: Collection[int]) -> tuple[dict[int, int], list[int]]:
    """Return offset -> line for the bytes (from 0) that lines begin at, and the empty lines.

    Empty lines before a line may be counted to it: DuckDB does.
    """
    found, empty, at, waiting = {}, [], 0, -1
    with BufferedReader(pa.input_stream(path)) as file:  # a compressed one as its content
        for number, line in enumerate(file, 1):
            if at in offsets:
                waiting = at
            if line in (b"\n", b"\r\n"):
                empty.append(number)
            elif waiting >= 0:
                found[waiting], waiting = number, -1
            at += len(line)
    return found, empty


def shifts(
    gaps: Sequence[tuple[int, int]], wrapped: Sequence[tuple[int, int]], first: int
) -> Iterator[tuple[int, int]]:
    """Yield (n, shift): from the n-th row on, a row begins on line n + shift.

    Args:
        gaps: (line, lines) of what is no row, in order of the file: empty or malformed.
        wrapped: (n, line breaks within) of rows that have some, in order.
        first: Lines of the column names.
    """
    shift, last, end, rows = first, 0, 0, list(reversed(wrapped))
    yield 1, shift
    for line, height in [*gaps, (2**62, 0)]:
        while rows and rows[-1][0] + shift < line:
            last, breaks = rows.pop()
            shift += breaks
            yield last + 1, shift
        if height and line >= end and line - shift > last:  # else it is within a row or a gap
            end = line + height
            yield line - shift, shift + height
            shift += height
