"""Runs, versions and champions on a real MLflow in SQLite."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import mlflow
import pytest
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException

from core.errors import UnavailableError
from core.settings import Settings
from models import registry, tracking
from tests.models.registered import AS_OF, FRAME, register


def runs(settings: Settings, name: str) -> list[mlflow.entities.Run]:
    with tracking.server(settings) as client:
        experiment = client.get_experiment_by_name(settings.experiment)
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], f"tags.model = '{name}'"))


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    register(Settings(home=tmp_path), "quiet", promote=True)  # the first run makes the database

    assert capfd.readouterr() == ("", "")


def test_a_run_keeps_parameters_metrics_data_plots_and_card(workspace: Settings) -> None:
    with tracking.start_run(
        workspace, model="kept", as_of=AS_OF, params={"trials": 2}, tags={"fingerprint": "x"}
    ) as run:
        run.metrics({"auc": 0.75})
        run.figure(Figure(), "calibration.png")
        run.text("# card", "model_card.md")
        run.describe("# card" + "." * 9_000)
        run.dataset("abc123", cutoffs=[AS_OF], rows=12, source="var/lake")

    (found,) = runs(workspace, "kept")
    assert found.info.status == "FINISHED"
    assert found.data.params == {"trials": "2"}
    assert found.data.metrics == {"auc": 0.75}
    assert found.data.tags["as_of"] == "2017-12-01T00:00:00+00:00"
    assert [entry.dataset.digest for entry in found.inputs.dataset_inputs] == ["abc123"]
    assert tracking.read_text(workspace, run.run_id, "model_card.md") == "# card"
    assert found.data.tags["mlflow.note.content"].startswith("# card")
    assert found.info.artifact_uri.startswith(str(workspace.home / "mlartifacts"))


def test_nothing_about_the_person_at_the_keyboard_is_kept(workspace: Settings) -> None:
    with tracking.start_run(workspace, model="who", as_of=AS_OF, params={}, tags={}):
        pass

    (found,) = runs(workspace, "who")
    assert not {"mlflow.user", "mlflow.source.name"} & set(found.data.tags)


def test_a_notebook_opens_the_champion_as_a_pyfunc(workspace: Settings) -> None:
    register(workspace, "notebook", promote=True)

    with tracking.server(workspace):
        opened = mlflow.pyfunc.load_model("models:/notebook@champion")

    assert opened.predict(FRAME).tolist() == [0, 1]
    assert opened.metadata.signature is not None
    assert opened.metadata.signature.inputs.input_names() == ["orders_90d"]


def test_the_address_of_a_notebook_stays_as_it_was(workspace: Settings, tmp_path: Path) -> None:
    mine = f"sqlite:///{tmp_path}/mine.db"
    mlflow.set_tracking_uri(mine)
    try:
        registry.versions(workspace)

        assert mlflow.get_tracking_uri() == mine
        assert not (tmp_path / "mine.db").exists()
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    registry.versions(Settings(home=workspace.home, tracking_uri=workspace.mlflow_uri))
    assert "MLFLOW_TRACKING_URI" not in os.environ


def inside_mlflow_run(workspace: Settings, monkeypatch: pytest.MonkeyPatch, experiment: str) -> str:
    """Open a run as `mlflow run` does, and set what it sets; return the run's id."""
    with tracking.server(workspace) as client:
        found = client.get_experiment_by_name(experiment)
        in_it = found.experiment_id if found else client.create_experiment(experiment)
        started = str(client.create_run(in_it).info.run_id)
        client.log_param(started, "trials", "2.0")  # as MLproject parameters are
    monkeypatch.setenv("MLFLOW_TRACKING_URI", workspace.mlflow_uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", in_it)
    monkeypatch.setenv("MLFLOW_RUN_ID", started)
    return started


def test_inside_mlflow_run_its_run_is_taken_over(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = inside_mlflow_run(workspace, monkeypatch, workspace.experiment)

    with tracking.start_run(
        workspace, model="taken", as_of=AS_OF, params={"trials": 2, "seed": 7}, tags={}
    ) as run:
        pass

    assert run.run_id == started
    with tracking.server(workspace) as client:
        assert client.get_run(run.run_id).data.params == {"trials": "2.0", "seed": "7"}
    assert "MLFLOW_RUN_ID" not in os.environ


def test_a_run_of_mlflow_run_elsewhere_leaves_ours_in_the_workspace(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = inside_mlflow_run(workspace, monkeypatch, "Default")

    for name in ("elsewhere", "again"):
        register(workspace, name, promote=True)

    (ours,), (second,) = runs(workspace, "elsewhere"), runs(workspace, "again")
    assert ours.info.artifact_uri.startswith(str(workspace.home / "mlartifacts"))
    assert ours.data.tags["mlflow.parentRunId"] == parent
    assert "mlflow.parentRunId" not in second.data.tags  # it was tied once
    with tracking.server(workspace) as client:
        tags = client.get_run(parent).data.tags
    assert tags["sendwise.run"] == ours.info.run_id
    assert ours.info.run_id in tags["mlflow.note.content"]


def test_a_run_of_mlflow_run_that_trains_nothing_says_so(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = inside_mlflow_run(workspace, monkeypatch, "Default")

    tracking.say_unchanged(workspace, "clusters", "3")

    with tracking.server(workspace) as client:
        assert client.get_run(parent).data.tags["sendwise.unchanged"] == "clusters v3"


def test_an_error_of_the_server_is_shown_without_the_login(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        uri = f"http://ann:s3cret@127.0.0.1:{listening.getsockname()[1]}"
        with (
            pytest.raises(UnavailableError, match="does not do its part") as caught,
            tracking.server(Settings(home=tmp_path, tracking_uri=uri)),
        ):
            raise MlflowException(f"API request to {uri}/api failed")

    assert "s3cret" not in str(caught.value)
