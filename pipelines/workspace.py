"""Whether a workspace can keep what a command is about to make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from core.errors import ConfigError
from core.settings import Settings
from models import tracking

_SQLITE: Final = "sqlite:///"
_KEPT_IN: Final = (".", "bundles", "mlartifacts", "snapshots")


def require_writable(settings: Settings) -> None:
    """Check before any work that its result can be written; what is not there yet is made later.

    MLflow would say it in ninety lines, after the data were read.

    Raises:
        ConfigError: The workspace or its tracking database is read-only.
    """
    database = tracking.address(settings).partition(_SQLITE)[2]
    # The database first: it is what a training needs, and its folder is SQLite's for journals.
    places = [Path(database), Path(database).parent] if database else []
    places += [settings.home / name for name in _KEPT_IN]
    for place in places:
        if place.exists() and not os.access(place, os.W_OK):
            raise ConfigError(
                f"{place} cannot be written: permission denied. Change its rights, or give a "
                "workspace of your own with --home."
            )
