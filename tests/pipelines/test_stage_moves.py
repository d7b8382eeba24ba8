from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from core.settings import Settings
from pipelines.stage_moves import snapshot_before, stage_moves
from profiles.profile import Profile
from profiles.snapshot import Manifest, write_snapshot

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = datetime(2024, 2, 1, tzinfo=UTC)


def snapshot(home: Path, at: datetime, stages: dict[str, str | None]) -> Manifest:
    manifest = Manifest(
        id=f"{at:%Y%m%d}", as_of=at, model_versions={}, customers=0, outputs=("lifecycle_stage",)
    )
    profiles = [Profile(who, outputs={"lifecycle_stage": stage}) for who, stage in stages.items()]
    return write_snapshot(home, manifest, profiles)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_who_moved_is_counted_and_written_as_events(settings: Settings) -> None:
    before = snapshot(settings.home, FIRST, {"ann": "new", "bob": "active", "eve": None})
    after = snapshot(
        settings.home, SECOND, {"ann": "active", "bob": "active", "cyd": "new", "eve": None}
    )

    (sheet,) = stage_moves(settings, before, after)

    assert sorted(sheet.rows) == [["(not there)", "new", 1], ["new", "active", 1]]
    (file,) = (settings.home / "transitions").iterdir()
    events = pd.read_parquet(file)
    assert events["customer_id"].tolist() == ["ann", "cyd"]
    assert set(events["event"]) == {"Lifecycle Stage Changed"}


def test_an_older_snapshot_or_none_tells_no_moves(settings: Settings) -> None:
    after = snapshot(settings.home, FIRST, {"ann": "new"})

    assert stage_moves(settings, None, after) == []
    assert stage_moves(settings, after.model_copy(update={"as_of": SECOND}), after) == []
    assert not (settings.home / "transitions").exists()


def test_a_snapshot_from_before_there_were_stages_tells_no_moves(settings: Settings) -> None:
    old = Manifest(id="old", as_of=FIRST, model_versions={}, customers=0, outputs=("p",))
    before = write_snapshot(settings.home, old, [Profile("ann", outputs={"p": 0.5})])
    after = snapshot(settings.home, SECOND, {"ann": "new"})

    assert stage_moves(settings, before, after) == []


def test_the_snapshot_before_is_the_current_one(settings: Settings) -> None:
    assert snapshot_before(settings) is None
    kept = snapshot(settings.home, FIRST, {"ann": "new"})
    found = snapshot_before(settings)

    assert found is not None
    assert found.id == kept.id
