from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from core.errors import ConfigError, NotReadyError
from core.settings import load_settings
from pipelines.build_bento import build_bento, stage
from tests.ports import free_port
from tests.serving import shop

SENDWISE = str(Path(sys.executable).with_name("sendwise"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("built") / "home"
    shop.make_shop(home)
    return home


@pytest.fixture(scope="module")
def built(home: Path) -> dict[str, object]:
    return bento(home)


def user_of(home: Path) -> Path:
    """Return where the files of the user who builds are: nothing of ours belongs there."""
    return home.parent / "user"


def bento(home: Path) -> dict[str, object]:
    outcome: dict[str, object] = json.loads(run_bento(home).stdout.splitlines()[-1])
    return outcome


def run_bento(home: Path) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [SENDWISE, "--home", str(home), "bento", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "SENDWISE_CONF": str(shop.CONF), "HOME": str(user_of(home))},
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def stranger(folder: Path) -> Path:
    """Return a Python that has our dependencies, but not our project.

    A `.pth` file inside a folder that a `.pth` file names is not read, so the editable
    install of the project stays out of sight.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def test_a_bento_runs_where_the_project_is_not_installed(
    built: dict[str, object], tmp_path: Path
) -> None:
    python = stranger(tmp_path / "venv")
    found = subprocess.run(
        [python, "-c", "import serving"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert found.returncode != 0
    # Elsewhere, and under another name: nothing of where it was built is needed.
    folder = shutil.copytree(str(built["folder"]), tmp_path / "elsewhere")
    port = free_port()

    server = shop.start(
        [str(python), "-m", "bentoml", "serve", str(folder), "--port", str(port)],
        tmp_path / "bento.log",
        port,
        SENDWISE_HOME=str(tmp_path / "empty"),
        BENTOML_HOME=str(tmp_path / "bentoml"),
        BENTOML_DO_NOT_TRACK="True",
        PYTHONPATH="",
    )
    with server.client() as client:
        recommended = client.get("/v1/recommend/anybody?n=1").json()
        rendering = client.get("/v1/render/weekly_picks/anybody").json()
        tile = client.get("/assets/weekly_picks/tiles/grocery.png")
    assert server.stop() == 0

    assert recommended["rung"] == "static"
    assert (rendering["send"], rendering["rung"]) == (False, None)
    assert tile.status_code in {200, 404}
    assert "sendwise score" in server.text()
    assert "no campaign" not in server.text()
    assert "Traceback" not in server.text()


def test_a_bento_holds_nothing_about_a_customer(built: dict[str, object]) -> None:
    files = [path for path in Path(str(built["folder"])).rglob("*") if path.is_file()]
    assert any(path.name == "campaign.json" for path in files)

    for path in files:
        content = path.read_bytes()
        for personal in ("0@example.test", "Zelmira", shop.ODD):
            assert personal.encode() not in content, path
        assert path.suffix not in {".db", ".parquet", ".key"}, path


def test_the_same_inputs_make_no_second_bento(home: Path, built: dict[str, object]) -> None:
    again = bento(home)

    assert (built["status"], again["status"]) == ("done", "unchanged")
    assert again["tag"] == built["tag"]
    assert not (user_of(home) / "bentoml").exists()


def test_a_large_model_is_no_warning(home: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(home, tmp_path / "home", symlinks=True)
    folder = mine / "bundles" / "models" / "clusters"
    (folder / "6").mkdir(parents=True)
    (folder / "6" / "factors.npz").write_bytes(bytes(11 * 1024 * 1024))
    (folder / "current").write_text("6\n")

    ended = run_bento(mine)

    assert json.loads(ended.stdout.splitlines()[-1])["models"] == {"clusters": "6"}
    assert "larger than" not in ended.stdout + ended.stderr


def test_champions_go_in_with_their_versions(home: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(home, tmp_path / "home")
    folder = mine / "bundles" / "models" / "clusters"
    (folder / "6").mkdir(parents=True)
    (folder / "5").mkdir()
    (folder / "6" / "meta.json").write_text("{}")
    (folder / "current").write_text("6\n")

    models = stage(load_settings(home=mine), tmp_path / "build", campaigns=["weekly_picks"])

    shipped = tmp_path / "build" / "shipped" / "bundles"
    assert models == {"clusters": "6"}
    assert sorted(path.name for path in (shipped / "models" / "clusters").iterdir()) == [
        "6",
        "current",
    ]
    assert (shipped / "campaigns" / "weekly_picks" / "campaign.json").is_file()


def test_without_a_campaign_there_is_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise publish"):
        build_bento(load_settings(home=tmp_path))


def test_an_output_that_is_there_is_not_overwritten(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is there already"):
        build_bento(load_settings(home=home), output=tmp_path)
