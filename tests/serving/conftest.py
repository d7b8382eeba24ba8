"""The tiny shop, the service's brain on it, and a running server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.settings import load_settings
from serving.brain import Brain
from tests.serving import shop


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's workspace; tests work on copies."""
    home = tmp_path_factory.mktemp("shop") / "home"
    shop.make_shop(home)
    return home


@pytest.fixture
def home(made_once: Path, tmp_path: Path) -> Path:
    """A workspace of one's own."""
    return Path(shutil.copytree(made_once, tmp_path / "home"))


@pytest.fixture
def open_brain(tmp_path: Path) -> Iterator[Callable[[Path], Brain]]:
    """Open brains that are closed after the test."""
    opened: list[Brain] = []

    def open_brain(home: Path) -> Brain:
        settings = load_settings(home=home, public_url="https://mail.example.test")
        opened.append(Brain(settings, clock=lambda: shop.NOW, shipped=tmp_path / "shipped"))
        return opened[-1]

    yield open_brain
    for brain in opened:
        brain.close()


@pytest.fixture
def brain(home: Path, open_brain: Callable[[Path], Brain]) -> Brain:
    """The brain on the workspace of one's own."""
    return open_brain(home)


@pytest.fixture(scope="session")
def server(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[shop.Server]:
    """A server for tests that leave its workspace as it is, or use customers of their own."""
    home = Path(shutil.copytree(made_once, tmp_path_factory.mktemp("served") / "home"))
    server = shop.serve(home)
    yield server
    server.stop()
