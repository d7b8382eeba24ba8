from __future__ import annotations

from pathlib import Path

from core.settings import Settings
from models import bundles, registry, tracking
from models.bundles import folder_of, kept_version, point_at
from tests.models.registered import FRAME, register


def test_the_champion_is_kept_as_a_bundle(workspace: Settings) -> None:
    version = register(workspace, "bundled", promote=True)

    got = registry.champion(workspace, "bundled")

    assert (got.name, got.version, got.stale) == ("bundled", version, False)
    assert got.meta["name"] == "bundled"
    assert got.model.predict(FRAME).tolist() == [0, 1]
    assert bundles.last_good(workspace.home, "bundled").version == version


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


def test_what_was_never_kept_has_no_version(tmp_path: Path) -> None:
    assert kept_version(tmp_path, "propensity-order-30d") is None

    folder_of(tmp_path, "clusters").mkdir(parents=True)
    point_at(tmp_path, "clusters", "3")

    assert kept_version(tmp_path, "clusters") == "3"


def test_what_was_kept_is_listed_by_name(tmp_path: Path) -> None:
    for name in ("value", "churn", "half"):
        folder_of(tmp_path, name).mkdir(parents=True)
    for name in ("value", "churn"):
        point_at(tmp_path, name, "1")

    assert bundles.kept_names(tmp_path) == ["churn", "value"]
    assert bundles.kept_names(tmp_path / "nowhere") == []
