"""Which experiment a run belongs to, and what becomes of the run that `mlflow run` opened.

`models.tracking` calls this with its client; here nothing opens a connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from mlflow import MlflowClient

from core.settings import Settings

RUN: Final = "MLFLOW_RUN_ID"
EXPERIMENT: Final = "MLFLOW_EXPERIMENT_ID"
_PARENT: Final = "mlflow.parentRunId"
# Without it the pages of MLflow guess, and open runs without a trace as those of an assistant.
_KIND: Final = {"mlflow.experimentKind": "custom_model_development"}


def experiment(settings: Settings, client: MlflowClient, *, local: bool) -> str:
    """Return the id of our experiment, made where there is none.

    Inside `mlflow run` the id in the environment is that of its run, not of somebody's choice.

    Args:
        settings: Names the experiment and the workspace.
        client: Connected.
        local: The database is a file: the files of runs go into the workspace beside it.
    """
    if (given := os.environ.get(EXPERIMENT)) and RUN not in os.environ:
        return given
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or settings.experiment
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    root = str((settings.home / "mlartifacts").absolute()) if local else None
    return str(client.create_experiment(name, artifact_location=root, tags=_KIND))


def started_by(address: str) -> str | None:
    """Return the id of the run that `mlflow run` opened at `address`; None outside of it."""
    same = address == os.environ.get("MLFLOW_TRACKING_URI")
    return (os.environ.get(RUN) or None) if same else None


def forget() -> None:
    """Drop the run of `mlflow run`, as MLflow does: a second training is another run."""
    if os.environ.pop(RUN, None):  # without a run the experiment is somebody's choice: it stays
        os.environ.pop(EXPERIMENT, None)


def tie(client: MlflowClient, *, parent: str, run_id: str, experiment_id: str) -> None:
    """Make `parent` and our run, which is in another experiment, name each other."""
    where = f"#/experiments/{experiment_id}/runs/{run_id}"
    client.set_tag(run_id, _PARENT, parent)
    leave_note(
        client,
        parent,
        {"sendwise.run": run_id},
        f"The training, its figures and its model are in [run {run_id}]({where}).",
    )


def leave_note(client: MlflowClient, run_id: str, tags: Mapping[str, str], text: str) -> None:
    """Set tags on a run and show `text` at the top of its page."""
    for key, value in {**tags, "mlflow.note.content": text}.items():
        client.set_tag(run_id, key, value)
