from __future__ import annotations

import time
from pathlib import Path

import mlflow
import pytest

from core.errors import ConfigError, DataError, NotReadyError, UnavailableError
from core.settings import Settings
from models import bundles, registry, tracking
from models.artefact import META
from tests.models.registered import AS_OF, FRAME, register, small_model


def runs(settings: Settings, name: str) -> list[mlflow.entities.Run]:
    with tracking.server(settings) as client:
        experiment = client.get_experiment_by_name(settings.experiment)
        assert experiment is not None
        return list(client.search_runs([experiment.experiment_id], f"tags.model = '{name}'"))


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
        run.register(small_model(), meta={}, features={}, tags={"fingerprint": "abc"})
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


def test_a_server_that_is_down_is_said_within_seconds_and_the_bundle_serves_on(
    workspace: Settings, closed_port: int
) -> None:
    version = register(workspace, "down", promote=True)
    registry.champion(workspace, "down")
    away = Settings(home=workspace.home, tracking_uri=f"http://127.0.0.1:{closed_port}")
    begin = time.monotonic()

    with pytest.raises(UnavailableError, match="does not answer"):
        registry.versions(away)
    got = registry.champion(away, "down")

    assert (got.version, got.stale) == (version, True)
    with pytest.raises(UnavailableError, match="does not answer"):
        registry.champion(away, "never trained")
    assert time.monotonic() - begin < 10


def test_a_bundle_that_is_damaged_is_fetched_once_more(workspace: Settings) -> None:
    version = register(workspace, "damaged", promote=True)
    folder = bundles.folder_of(workspace.home, "damaged") / version
    sound = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        if path.name != META:
            path.write_text("no model")

    got = registry.champion(workspace, "damaged")

    assert got.model.predict(FRAME).tolist() == [0, 1]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == sound


def test_what_is_damaged_in_the_registry_too_is_an_error(workspace: Settings) -> None:
    version = register(workspace, "ruined", promote=True)
    held = bundles.folder_of(workspace.home, "ruined") / version
    run_id = registry.versions(workspace, "ruined")[0].run_id
    metas = [
        path.parent
        for path in workspace.home.rglob(META)
        if path.parent == held or run_id in path.read_text()
    ]
    assert len(metas) == 2
    for path in (path for folder in metas for path in folder.iterdir() if path.name != META):
        path.write_text("no model")

    with pytest.raises(DataError, match="cannot be read"):
        registry.champion(workspace, "ruined")
