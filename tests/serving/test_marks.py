from __future__ import annotations

import os
from pathlib import Path

from models import bundles
from models.registered import PROPENSITY
from serving.marks import champion_pointer, mark


def test_the_pointer_is_the_one_that_the_bundles_keep(tmp_path: Path) -> None:
    assert champion_pointer(tmp_path) == bundles.folder_of(tmp_path, PROPENSITY) / bundles.CURRENT


def test_a_replaced_file_changes_the_mark_and_reading_it_does_not(tmp_path: Path) -> None:
    path, other = tmp_path / "current", tmp_path / "new"
    path.write_text("1")
    before = mark([path])

    path.read_text()
    assert mark([path]) == before

    other.write_text("2")
    stamp = path.stat().st_mtime_ns
    os.utime(other, ns=(stamp, stamp))  # a file system whose clock ticks slowly
    other.replace(path)
    assert mark([path]) != before


def test_files_that_are_not_there_leave_no_mark(tmp_path: Path) -> None:
    assert mark([tmp_path / "nothing"]) == mark([]) == ()
