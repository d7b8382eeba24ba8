"""One import at a time: a lock on a file of the workspace, let go when its process ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UnavailableError


@contextmanager
def import_lock(home: Path) -> Iterator[None]:
    """Keep other imports out of the workspace `home` while the block runs.

    Raises:
        UnavailableError: Another import is running.
    """
    path = home / "locks" / "import.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError(
                f"another import into {home} is running. Wait until it is done, then try again."
            ) from None
        yield
