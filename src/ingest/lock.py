"""One import at a time: a lock on a file of the workspace, let go when its process ends."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from core.errors import UnavailableError

_MINE: Final = threading.local()  # `homes`: the workspaces this thread has locked


@contextmanager
def import_lock(home: Path) -> Iterator[None]:
    """Keep other imports out of the workspace `home` while the block runs.

    Who has it may take it again: a pipeline holds it over the import and the export, which each
    take it for themselves. What was made for it is gone afterwards: a refusal leaves no trace.

    Raises:
        UnavailableError: Another import is running.
    """
    mine: set[Path] = _MINE.__dict__.setdefault("homes", set())
    key = home.absolute()
    if key in mine:
        yield
        return
    path, made = home / "locks" / "import.lock", not home.exists()
    file = _taken(path)
    while file is None:  # the one before us removed the file as we opened it
        file = _taken(path)
    mine.add(key)
    with file:
        try:
            yield
        finally:
            mine.remove(key)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # others keep something there
                path.parent.rmdir()
                if made:
                    home.rmdir()


def _taken(path: Path) -> TextIO | None:
    """Return the locked file, or None where it is not the one under `path` any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("a")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except BlockingIOError:
        file.close()
        raise UnavailableError(
            f"another import into {path.parents[1]} is running. Wait until it is done, "
            "then try again."
        ) from None
    except FileNotFoundError:
        pass
    file.close()
    return None
