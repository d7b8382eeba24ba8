"""A workspace that cannot be written is said before any work. Root may write all: we pretend."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import Settings
from pipelines.score_customers import score_customers
from pipelines.training import train_model
from pipelines.workspace import require_writable

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A workspace whose `mlflow.db` and folder nobody may write."""
    (tmp_path / "mlflow.db").touch()
    locked = {tmp_path, tmp_path / "mlflow.db"}
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) not in locked)
    return Settings(home=tmp_path)


@pytest.mark.parametrize("what", ["propensity", "clusters", "recommender"])
def test_a_training_in_a_read_only_workspace_stops_at_once_in_one_line(
    locked: Settings, what: str
) -> None:
    with pytest.raises(ConfigError, match=r"mlflow\.db cannot be written") as caught:
        train_model(locked, what, as_of=AS_OF, trials=0)

    assert "\n" not in str(caught.value)


def test_scoring_in_a_read_only_workspace_stops_at_once(locked: Settings) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        score_customers(locked, as_of=AS_OF)


def test_what_is_not_there_yet_and_another_server_are_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(os, "access", lambda path, _: not asked.append(Path(path)))

    require_writable(Settings(home=tmp_path / "new", tracking_uri="http://127.0.0.1:1"))
    require_writable(Settings(home=tmp_path))

    assert set(asked) == {tmp_path}
