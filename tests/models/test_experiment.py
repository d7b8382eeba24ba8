"""Which experiment a run goes to; `test_tracking` has the runs of `mlflow run`."""

from __future__ import annotations

import pytest

from core.settings import Settings
from models import experiment, tracking
from tests.models.registered import AS_OF


def test_an_experiment_of_ones_own_choice_stays_chosen(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.server(workspace) as client:
        mine = client.create_experiment("mine")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mine)

    for _ in range(2):
        with tracking.start_run(workspace, model="own", as_of=AS_OF, params={}, tags={}) as run:
            assert run.experiment_id == mine


def test_the_pages_of_mlflow_take_ours_for_trained_models(workspace: Settings) -> None:
    with tracking.start_run(workspace, model="kind", as_of=AS_OF, params={}, tags={}) as run:
        pass

    with tracking.server(workspace) as client:
        tags = client.get_experiment(run.experiment_id).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_run_at_another_address_did_not_start_this_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///one.db")

    assert experiment.started_by("sqlite:///one.db") == "abc"
    assert experiment.started_by("sqlite:///other.db") is None
