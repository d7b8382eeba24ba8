"""What all tests share: nobody's own settings, and an MLflow database that was made once."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine is no finding
settings.load_profile("patient")

# Which server, run and experiment MLflow means, for the process and for those it starts.
OF_MLFLOW = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
)


def pytest_configure(config: pytest.Config) -> None:
    """Let all programs that tests start share compiled modules, where Python shall keep none.

    Each of them would compile MLflow, pandas and the like anew, which takes it up to 15 seconds.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        folder = TemporaryDirectory(prefix="bytecode-")
        config.add_cleanup(folder.cleanup)
        sys.dont_write_bytecode, sys.pycache_prefix = False, folder.name
        os.environ["PYTHONDONTWRITEBYTECODE"] = ""
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name


@pytest.fixture(scope="session", autouse=True)
def nobodys_settings() -> Iterator[None]:
    """Keep out the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("SENDWISE_") or name in OF_MLFLOW:
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def no_mlflow_left() -> Iterator[None]:
    """Let MLflow forget its process-wide address, which it also hands on as a variable."""
    yield
    mlflow = sys.modules.get("mlflow")
    if mlflow is not None and hasattr(mlflow, "set_tracking_uri"):
        mlflow.set_tracking_uri(None)
    for name in OF_MLFLOW:
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run; making it takes seconds, copying it none."""
    from core.settings import Settings
    from models import tracking

    home = tmp_path_factory.mktemp("mlflow")
    with tracking.server(Settings(home=home)) as client:
        client.search_registered_models()
    return home / "mlflow.db"


@pytest.fixture(scope="session")
def with_mlflow(empty_mlflow: Path) -> Callable[[Path], Path]:
    """Give a workspace its own empty MLflow database."""

    def with_mlflow(home: Path) -> Path:
        shutil.copy(empty_mlflow, home / "mlflow.db")
        return home

    return with_mlflow


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port nobody listens on, and nobody can take meanwhile: bound, but not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
