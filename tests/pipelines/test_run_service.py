from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import load_settings
from pipelines.run_service import check_address, has_news, server_environment
from tests.ports import free_port
from tests.serving import shop

SENDWISE = str(Path(sys.executable).with_name("sendwise"))
SENT = {"campaign": "weekly_picks", "send_id": "s", "recipients": [{"customer_id": "ann"}]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("served") / "home"
    shop.make_shop(home)
    return home


def decisions(home: Path) -> int:
    with sqlite3.connect(home / "decisions.db") as connection:
        return int(connection.execute("SELECT count(*) FROM decisions").fetchone()[0])


def test_a_send_goes_on_after_a_restart_and_without_the_registry(home: Path) -> None:
    first = shop.serve(home)
    with first.client() as client:
        before = client.post("/v1/render", json=SENT).json()
        deadline = time.monotonic() + 1
        while not decisions(home) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert decisions(home) == 1  # on disk within a second
        client.get("/v1/render/weekly_picks/bob?send_id=s").raise_for_status()
    assert first.stop() == 0
    assert decisions(home) == 2  # what waited was written on the way out

    (home / "mlflow.db").write_text("this was a database")
    pointer = home / "bundles" / "models" / "recommender" / "current"
    pointer.parent.mkdir(parents=True)
    pointer.write_text("4")
    shop.snapshot(home, "somebody else", day=1)
    second = shop.serve(home)
    with second.client() as client:
        after = client.post("/v1/render", json=SENT).json()
        fresh = client.post("/v1/render", json={**SENT, "send_id": "t"}).json()
    assert second.stop() == 0
    assert "Traceback" not in second.text()  # Ctrl-C ends it quietly

    # The links name the server's own address, and so its port.
    assert _without_links(after, second.url) == _without_links(before, first.url)
    assert fresh["results"][0]["rung"] == "popular"
    assert "registry: " in second.text()
    assert "Traceback" not in second.text()


def _without_links(answer: dict[str, object], url: str) -> str:
    return str(answer).replace(url, "")


def test_bentoml_keeps_its_files_in_the_workspace_and_calls_nobody(tmp_path: Path) -> None:
    environment = server_environment(load_settings(home=tmp_path), now="2024-06-01")

    assert environment["BENTOML_HOME"] == str(tmp_path / "bentoml")
    assert environment["BENTOML_DO_NOT_TRACK"] == "True"
    assert environment["SENDWISE_NOW"] == "2024-06-01"


def test_a_registry_is_asked_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not has_news(load_settings(home=tmp_path))
    assert has_news(load_settings(home=tmp_path, tracking_uri="http://127.0.0.1:9"))

    (tmp_path / "mlflow.db").touch()
    assert has_news(load_settings(home=tmp_path))


def test_localhost_is_an_address_and_another_name_is_not() -> None:
    assert check_address("localhost", free_port()) == "127.0.0.1"
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0"):
        check_address("mail.example.test", free_port())


def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [SENDWISE, "--home", str(tmp_path / "home"), "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "COLUMNS": "400"},
        )

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"--port {port + 1}" in ended.stderr
    assert not (tmp_path / "home").exists()
