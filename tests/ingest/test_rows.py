from __future__ import annotations

from pathlib import Path

from ingest.rows import lines_at, shifts


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\r\n\r\n1,2\n\n3")

    assert lines_at(path, {5, 11}) == ({5: 3, 11: 5}, [2, 4])


def test_rows_begin_after_gaps_and_wrapped_rows() -> None:
    # Line 2: row 1, over three lines, the second of them empty. 5: malformed. 6: row 2. 7: empty.
    steps = list(shifts([(3, 1), (5, 1), (7, 1)], [(1, 2)], 1))

    assert steps == [(1, 1), (2, 3), (2, 4), (3, 5)]
