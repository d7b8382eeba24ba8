"""A workspace whose registry is a real MLflow in SQLite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings import Settings


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]
) -> Settings:
    """One workspace for a module: its tests use models of different names."""
    return Settings(home=with_mlflow(tmp_path_factory.mktemp("home with a space")))
