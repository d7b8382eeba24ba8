from __future__ import annotations

import socket
import sqlite3
import time
from pathlib import Path

import pytest

from core.errors import UnavailableError
from core.settings import Settings
from models import registry
from models.reachable import knock


def test_a_damaged_database_is_one_clear_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "mlflow.db").write_text("not a database" * 100)

    with pytest.raises(UnavailableError, match=r"mlflow\.db") as caught:
        registry.versions(settings)

    assert "\n" not in str(caught.value)


def test_nobody_listening_is_said_within_seconds(closed_port: int) -> None:
    begin = time.monotonic()

    with pytest.raises(UnavailableError, match=f":{closed_port} does not answer") as caught:
        knock(f"http://127.0.0.1:{closed_port}")

    assert time.monotonic() - begin < 5
    assert "SENDWISE_TRACKING_URI" in str(caught.value)


def test_no_message_holds_the_login_of_the_address(closed_port: int) -> None:
    with pytest.raises(UnavailableError) as caught:
        knock(f"http://ann:s3cret@127.0.0.1:{closed_port}")

    assert "s3cret" not in str(caught.value)
    assert f"http://127.0.0.1:{closed_port}" in str(caught.value)


def test_somebody_listening_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        knock(f"http://127.0.0.1:{server.getsockname()[1]}/mlflow")


@pytest.mark.parametrize("uri", ["databricks", "file:///somewhere", "postgresql://db/mlflow"])
def test_other_addresses_are_left_to_mlflow(uri: str) -> None:
    knock(uri)


def test_a_database_that_is_not_there_yet_or_empty_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    knock(f"sqlite:///{path}")

    path.touch()
    knock(f"sqlite:///{path}")

    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
    knock(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"SQLite format 3\0")
