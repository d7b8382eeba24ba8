import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

SENDWISE = Path(sys.executable).with_name("sendwise")


def sendwise(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SENDWISE, "--home", home, *arguments], capture_output=True, text=True, check=False
    )


def test_help_lists_every_command_with_what_it_does(tmp_path: Path) -> None:
    done = sendwise("--help", home=tmp_path)

    assert done.returncode == 0
    for command in ("import", "features", "train", "models", "score", "publish", "serve", "send"):
        assert f" {command} " in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert sendwise("--version", home=tmp_path).stdout == f"sendwise {version('sendwise')}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("features", "--as-of", "yesterday"), "2017-12-01", id="unreadable-as-of"),
        pytest.param(
            ("features", "--as-of", "2017-12-01"), "sendwise import", id="nothing-imported"
        ),
        pytest.param(("nonsense",), "nonsense", id="unknown-command"),
        pytest.param(("features", "--nonsense"), "--nonsense", id="unknown-option"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_2(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    done = sendwise(*arguments, home=tmp_path / "var")

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()


def test_a_bad_setting_stops_the_start_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDWISE_DRIFT_SHARE", "7")

    done = sendwise("features", home=tmp_path)

    assert done.returncode == 2
    assert "SENDWISE_DRIFT_SHARE" in done.stderr


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_workspace_that_cannot_be_is_one_clear_line(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "orders.csv").write_text("id,customer,time\n1,ann,2024-01-01\n")
    (tmp_path / "m.yaml").write_text(
        "source: s\ncurrency: USD\ntimezone: UTC\nevents:\n  event: \"'Session Started'\"\n"
        "  event_id: id\n  customer_id: customer\n  time: time\n"
    )
    files = ("--mapping", str(tmp_path / "m.yaml"), "--events", str(tmp_path / "orders.csv"))

    done = sendwise("import", *files, home=tmp_path / place)

    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
