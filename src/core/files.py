"""Files and folders that appear whole, by a rename, or not at all.

A reader sees the old one or the new one, never a half; a failure leaves the old. What is being
written lies beside its place, under a hidden name, and is on disk before it gets its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when the block ends without an error."""
    aside = _beside(path, "new")
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes `path` when the block ends without an error.

    A folder cannot be swapped in one step: where `path` is there already it is missing for the
    moment between two renames. Readers that cannot bear that are led by a link or a pointer file.
    """
    aside, old = _beside(path, "new"), _beside(path, "old")
    aside.mkdir()
    try:
        yield aside
        for file in aside.rglob("*"):
            if file.is_file():
                _sync(file)
        if path.exists():
            path.rename(old)
        aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, what: str) -> Path:
    """Return the hidden name of this process beside `path`, cleared of a dead one's leavings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name}.{what}-{os.getpid()}")
    shutil.rmtree(place, ignore_errors=True)
    return place


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
