"""Files and folders that appear whole, by a rename, or not at all.

A reader sees the old one or the new one, never a half; a failure leaves the old. What is being
written lies beside its place, under a hidden name, and is on disk before it gets its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Give an empty folder in `parent` for what is moved elsewhere or gone when the block ends."""
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    scratch = parent / f".scratch.new-{os.getpid()}"
    scratch.mkdir()
    try:
        with _locked(scratch):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which becomes `path` when the block ends without an error.

    A folder cannot be swapped in one step: where `path` is there already it is missing for the
    moment between two renames. Readers that cannot bear that are led by a link or a pointer file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    aside, old = (path.with_name(f".{path.name}.{what}-{os.getpid()}") for what in ("new", "old"))
    aside.mkdir()
    try:
        with _locked(aside):
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


def unwritable(places: Iterable[Path]) -> list[Path]:
    """Return those files and folders that are there and may not be written."""
    return [place for place in places if place.exists() and not os.access(place, os.W_OK)]


def _remove_abandoned(parent: Path) -> None:
    """Remove what writers left that were killed: it may hold personal data."""
    for folder in [*parent.glob(".*.new-*"), *parent.glob(".*.old-*")]:
        try:
            with _locked(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue  # its writer is at work, or has just ended


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which the system gives back however this process ends."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(opened)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
