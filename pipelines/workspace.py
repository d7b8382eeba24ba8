"""Whether a workspace can keep what a command is about to make."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from core.errors import ConfigError
from core.files import unwritable
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
    if locked := unwritable(places):
        raise ConfigError(
            f"{locked[0]} cannot be written: permission denied. Change its rights, or give a "
            "workspace of your own with --home."
        )
