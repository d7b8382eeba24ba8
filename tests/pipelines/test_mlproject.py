"""MLproject and the command line say the same, and `mlflow run` trains."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from core.settings import Settings
from models import registry, tracking
from pipelines.cli import app
from tests.small_shop import write_lake

ROOT = Path(__file__).parents[2]
# These are for people or stay up; a scheduled project has no use for them.
BY_HAND = {"models", "preview", "serve", "settle", "bento", "evaluate", "demo"}


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    for path in (ROOT / "pipelines" / "commands").glob("[a-z]*.py"):
        importlib.import_module(f"pipelines.commands.{path.stem}")
    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]  # a group, since it has several


@pytest.fixture(scope="module")
def entry_points() -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "MLproject").read_text())
    return dict(project["entry_points"])


def test_every_pipeline_is_an_entry_point(
    commands: dict[str, Any], entry_points: dict[str, Any]
) -> None:
    assert set(commands) - BY_HAND == set(entry_points)


def test_parameters_have_the_names_of_the_commands(
    commands: dict[str, Any], entry_points: dict[str, Any]
) -> None:
    of_commands = {
        name: {option.name for option in commands[name].params} - {"as_json", "help"}
        for name in entry_points
    }

    assert {name: set(entry["parameters"]) for name, entry in entry_points.items()} == of_commands


def test_every_way_to_train_tunes_as_often(
    commands: dict[str, Any], entry_points: dict[str, Any]
) -> None:
    tries = {
        name: next(option.default for option in commands[name].params if option.name == "trials")
        for name in ("train", "demo")
    }

    default = entry_points["train"]["parameters"]["trials"]["default"]
    assert tries == {"train": default, "demo": default}


def test_every_entry_point_calls_its_command_with_each_parameter(
    entry_points: dict[str, Any],
) -> None:
    for name, entry in entry_points.items():
        assert f"sendwise {name}" in entry["command"]
        assert all(f"{{{parameter}}}" in entry["command"] for parameter in entry["parameters"])


@pytest.mark.parametrize(
    ("entry", "given", "expected"),
    [
        pytest.param(
            "train",
            {"what": "clusters", "dry_run": "yes"},
            "dry_run=yes; sendwise train clusters --as-of '' --trials 6 --dry-run",
            id="a-flag-is-given",
        ),
        pytest.param(
            "train",
            {"what": "clusters; rm -rf /"},
            "dry_run=''; sendwise train 'clusters; rm -rf /' --as-of '' --trials 6",
            id="a-value-is-quoted",
        ),
    ],
)
def test_values_reach_the_command_line(entry: str, given: dict[str, str], expected: str) -> None:
    from mlflow.projects._project_spec import load_project

    command = load_project(str(ROOT)).get_entry_point(entry).compute_command(given, None)
    shown = subprocess.run(
        ["bash", "-c", command.replace("sendwise ", "printf '%s|' sendwise ", 1)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = subprocess.run(
        ["bash", "-c", expected.replace("sendwise ", "printf '%s|' sendwise ", 1)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == wanted.stdout


def test_mlflow_run_trains_in_a_workspace(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    write_lake(with_mlflow(tmp_path))
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    settings = Settings(home=tmp_path, tracking_uri=uri)
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "SENDWISE_HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "2",
    }
    parameters = ["-P", "what=clusters", "-P", "as_of=2017-12-01", "-P", "trials=0"]
    command = [programs / "mlflow", "run", ROOT, "-e", "train", "--env-manager", "local"]
    done = subprocess.run(
        [*command, *parameters],  # MLflow's own experiment: its files would lie in the folder
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    champion = registry.champion(settings, "clusters")
    assert champion.version == "1"
    with tracking.server(settings) as client:
        run = client.get_run(str(champion.meta["run_id"]))
        started = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert (run.info.status, started.info.status) == ("FINISHED", "FINISHED")
    assert run.info.artifact_uri.startswith(str(tmp_path / "mlartifacts"))
    assert started.data.tags["sendwise.run"] == run.info.run_id
    assert started.data.tags["mlflow.project.entryPoint"] == "train"
    assert started.data.params["what"] == "clusters"
    assert run.data.metrics["stability"] > 0.5
    assert not (tmp_path / "mlruns").exists()
    assert not (ROOT / "mlflow.db").exists()
