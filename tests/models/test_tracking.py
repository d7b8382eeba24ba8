"""Runs, versions and champions on a real MLflow in SQLite."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from core.errors import ConfigError, NotReadyError, UnavailableError
from core.settings import Settings
from models import bundles, registry, tracking
from models.clusters import Cluster, Clusters, QuantileScale

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
FRAME = pd.DataFrame({"orders_90d": [90.0, 5.0]})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One workspace for the module: a fresh MLflow database takes seconds to make."""
    return Settings(home=tmp_path_factory.mktemp("home with a space"))


@pytest.fixture(autouse=True)
def no_mlflow_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)


def model(centre: float = 0.8) -> Clusters:
    return Clusters(
        features=("orders_90d",),
        scale=QuantileScale.fit(np.arange(100.0)[:, None], np.array([1.0])),
        centres=np.array([[centre], [0.2]]),
        clusters=(
            Cluster(label=0, name="Frequent", traits=("frequent",), share=0.5),
            Cluster(label=1, name="Occasional", traits=("occasional",), share=0.5),
        ),
    )


def register(
    settings: Settings,
    name: str,
    *,
    promote: bool,
    fingerprint: str = "f",
    tags: Mapping[str, object] | None = None,
) -> str:
    with tracking.start_run(
        settings, model=name, as_of=AS_OF, params={"trials": 2}, tags={}
    ) as run:
        version = run.register(
            model(),
            meta={"as_of": AS_OF.isoformat()},
            features={"orders_90d": "float64"},
            tags={"fingerprint": fingerprint, **(tags or {})},
        )
        registry.admit(settings, name, version, promote=promote)
    return version


def runs(settings: Settings, name: str) -> list[mlflow.entities.Run]:
    with tracking.server(settings) as client:
        experiment = client.get_experiment_by_name(settings.experiment)
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], f"tags.model = '{name}'"))


def test_nothing_is_printed(workspace: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    assert not (workspace.home / "mlflow.db").exists()  # the first test: making it is noisy

    register(workspace, "quiet", promote=True)

    assert capfd.readouterr() == ("", "")


def test_a_run_keeps_parameters_metrics_data_plots_and_card(workspace: Settings) -> None:
    with tracking.start_run(
        workspace, model="kept", as_of=AS_OF, params={"trials": 2}, tags={"fingerprint": "x"}
    ) as run:
        run.metrics({"auc": 0.75})
        run.figure(Figure(), "calibration.png")
        run.text("# card", "model_card.md")
        run.dataset("abc123", cutoffs=[AS_OF], rows=12, source="var/lake")

    (found,) = runs(workspace, "kept")
    assert found.info.status == "FINISHED"
    assert found.data.params == {"trials": "2"}
    assert found.data.metrics == {"auc": 0.75}
    assert found.data.tags["as_of"] == "2017-12-01T00:00:00+00:00"
    assert [entry.dataset.digest for entry in found.inputs.dataset_inputs] == ["abc123"]
    assert tracking.read_text(workspace, run.run_id, "model_card.md") == "# card"
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


def test_the_champion_is_kept_as_a_bundle(workspace: Settings) -> None:
    version = register(workspace, "bundled", promote=True)

    got = registry.champion(workspace, "bundled")

    assert (got.name, got.version, got.stale) == ("bundled", version, False)
    assert got.meta["name"] == "bundled"
    assert got.model.predict(FRAME).tolist() == [0, 1]
    assert bundles.last_good(workspace.home, "bundled").version == version


def test_a_challenger_is_not_the_champion(workspace: Settings) -> None:
    register(workspace, "waiting", promote=False)

    with pytest.raises(NotReadyError, match="waiting has no champion"):
        registry.champion(workspace, "waiting")
    (listed,) = registry.versions(workspace, "waiting")
    assert listed.aliases == ("challenger",)


def test_without_any_training_nothing_is_made_on_disk(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "empty")

    with pytest.raises(NotReadyError, match="sendwise train"):
        registry.champion(settings, "clusters")
    assert registry.versions(settings) == []
    assert not settings.home.exists()


def test_a_version_is_found_by_its_fingerprint_once_complete(workspace: Settings) -> None:
    version = register(workspace, "finger", promote=False, fingerprint="abc")

    found = registry.find_version(workspace, "finger", "abc")
    assert found is not None
    assert found.version == version
    assert registry.find_version(workspace, "finger", "xyz") is None


def test_an_interrupted_training_leaves_no_version(workspace: Settings) -> None:
    with (  # noqa: PT012  # the interruption is inside the run
        pytest.raises(KeyboardInterrupt),
        tracking.start_run(workspace, model="cut", as_of=AS_OF, params={}, tags={}) as run,
    ):
        run.register(model(), meta={}, features={}, tags={"fingerprint": "abc"})
        raise KeyboardInterrupt

    assert [run.info.status for run in runs(workspace, "cut")] == ["KILLED"]
    assert registry.versions(workspace, "cut") == []
    assert registry.find_version(workspace, "cut", "abc") is None

    registry.clear_leavings(workspace, "cut", "abc")
    with tracking.server(workspace) as client:
        assert list(client.search_model_versions("name='cut'")) == []


def test_rollback_goes_back_champion_by_champion(workspace: Settings) -> None:
    first, _, third = (
        register(workspace, "back", promote=promote) for promote in (True, False, True)
    )
    assert registry.champion(workspace, "back").version == third

    assert registry.rollback(workspace, "back").version == first
    assert registry.champion(workspace, "back").version == first
    with pytest.raises(ConfigError, match="no earlier champion"):
        registry.rollback(workspace, "back")


def test_a_version_can_be_promoted_by_hand(workspace: Settings) -> None:
    register(workspace, "hand", promote=True)
    second = register(workspace, "hand", promote=False)

    registry.promote(workspace, "hand", second)

    assert registry.champion(workspace, "hand").version == second
    assert [one.aliases for one in registry.versions(workspace, "hand")] == [("champion",), ()]


@pytest.mark.parametrize(
    ("name", "version", "says"),
    [("hamsters", "1", "no registered model 'hamsters'"), ("known", "9", "no version '9'")],
)
def test_unknown_names_and_versions_are_named(
    workspace: Settings, name: str, version: str, says: str
) -> None:
    if not registry.versions(workspace, "known"):
        register(workspace, "known", promote=True)

    with pytest.raises(ConfigError, match=says):
        registry.promote(workspace, name, version)


def test_inside_mlflow_run_its_run_is_taken_over(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.server(workspace) as client:
        other = client.create_experiment("of mlflow run")
        started = client.create_run(other)
        client.log_param(started.info.run_id, "trials", "2.0")  # as MLproject parameters are
    monkeypatch.setenv("MLFLOW_TRACKING_URI", workspace.mlflow_uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", other)
    monkeypatch.setenv("MLFLOW_RUN_ID", started.info.run_id)

    with tracking.start_run(
        workspace, model="taken", as_of=AS_OF, params={"trials": 2, "seed": 7}, tags={}
    ) as run:
        pass

    assert (run.run_id, run.experiment_id) == (started.info.run_id, other)
    with tracking.server(workspace) as client:
        assert client.get_run(run.run_id).data.params == {"trials": "2.0", "seed": "7"}
    assert "MLFLOW_RUN_ID" not in os.environ


def test_a_server_that_is_down_is_said_within_seconds_and_the_bundle_serves_on(
    workspace: Settings,
) -> None:
    version = register(workspace, "down", promote=True)
    registry.champion(workspace, "down")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = Settings(home=workspace.home, tracking_uri=f"http://127.0.0.1:{port}")
    begin = time.monotonic()

    with pytest.raises(UnavailableError, match="does not answer"):
        registry.versions(away)
    got = registry.champion(away, "down")

    assert (got.version, got.stale) == (version, True)
    with pytest.raises(UnavailableError, match="does not answer"):
        registry.champion(away, "never trained")
    assert time.monotonic() - begin < 10


def test_a_damaged_database_is_one_clear_line(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (tmp_path / "mlflow.db").write_text("not a database" * 100)

    with pytest.raises(UnavailableError, match=r"mlflow\.db") as caught:
        registry.versions(settings)

    assert "\n" not in str(caught.value)


def test_the_last_good_bundle_of_another_registry_is_replaced(
    workspace: Settings, tmp_path: Path
) -> None:
    register(workspace, "twice", promote=True)
    elsewhere = Settings(home=tmp_path, tracking_uri=workspace.mlflow_uri)
    registry.champion(elsewhere, "twice")
    (bundles.folder_of(tmp_path, "twice") / "1" / "meta.json").write_text(
        '{"kind": "clusters", "run_id": "of another registry"}'
    )

    got = registry.champion(elsewhere, "twice")

    assert got.meta["run_id"] != "of another registry"
    assert sorted(path.name for path in bundles.folder_of(tmp_path, "twice").iterdir()) == [
        "1",
        "current",
    ]


def test_kept_champions_are_compared_with_the_registry_without_mlflow(workspace: Settings) -> None:
    first = register(workspace, "watched", promote=True)
    second = register(workspace, "watched", promote=False)
    assert bundles.are_current(workspace.home)

    with tracking.server(workspace) as client:  # as somebody does in MLflow's own pages
        client.set_registered_model_alias("watched", "champion", second)
    assert not bundles.are_current(workspace.home)

    assert registry.champion(workspace, "watched").version == second
    assert bundles.are_current(workspace.home)

    registry.promote(workspace, "watched", first)
    assert bundles.last_good(workspace.home, "watched").version == first
    assert bundles.are_current(workspace.home)


def test_a_registry_that_cannot_be_read_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this was a database")

    assert not bundles.are_current(tmp_path)
