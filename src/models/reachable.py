"""Whether a tracking server or database is there at all, found out within seconds."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from core.errors import UnavailableError
from core.settings import without_login

_PATIENCE_S: Final = 3.0
_SQLITE: Final = b"SQLite format 3\0"


def knock(uri: str) -> None:
    """Find out within seconds that nobody is there; MLflow's own retries take minutes.

    Raises:
        UnavailableError: Nobody listens at `uri`, or it is a file that is no database.
    """
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        _look(uri)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=_PATIENCE_S).close()
    except OSError as error:
        raise UnavailableError(
            f"MLflow at {without_login(uri)} does not answer ({error}). Start it, or check "
            "SENDWISE_TRACKING_URI."
        ) from error


def _look(uri: str) -> None:
    """Find out that a file is no database, which MLflow would say in fifty lines."""
    path = Path(uri.removeprefix("sqlite:///"))
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
        if start != _SQLITE:
            raise UnavailableError(
                f"{path} is not an SQLite database. Restore it, or move it away."
            )
