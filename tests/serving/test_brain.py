from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from content.campaign import campaign_folder
from features.registry import PROPENSITY
from models import bundles
from models.artefact import save_model
from models.registered import PROPENSITY as NAME
from models.rules import Recency
from serving import brain as brain_module
from serving import rescoring
from serving.brain import Brain
from tests.serving import shop

OpenBrain = Callable[[Path], Brain]


def keep_champion(home: Path, version: str, *, name: str = NAME) -> float:
    """Keep a champion as the registry would; return what it says of the shop's customers."""
    columns = {each.name: [1.0, 3.0, 5.0, 9.0] for each in PROPENSITY}
    model = Recency.fit(pd.DataFrame(columns), np.array([1, 1, 0, 0]))
    scratch = bundles.aside(home, name)
    save_model(model, scratch / "model", meta={"name": name})
    bundles.keep(home, name, version, scratch / "model")
    shutil.rmtree(scratch)
    bundles.point_at(home, name, version)
    frame = pd.DataFrame([shop.profile("ann").features])
    return float(model.predict(frame)[0])


def look_again(brain: Brain) -> None:
    """Let the second between two looks pass at once."""
    brain._looked_s = float("-inf")
    brain.refresh()


def wait_until_settled(brain: Brain) -> None:
    if brain._loading:
        brain._loading.join(60)


def test_a_new_snapshot_is_taken_up_without_a_restart(home: Path, brain: Brain) -> None:
    shop.snapshot(home, "new", day=1)

    look_again(brain)

    assert brain.data_as_of() == shop.NOW
    assert set(brain.profiles(["ann", "new"])) == {"new"}


def test_a_damaged_snapshot_leaves_the_old_one_in_use(home: Path, brain: Brain) -> None:
    (home / "snapshots" / "current").write_text("nothing-there")

    look_again(brain)

    assert set(brain.profiles(["ann"])) == {"ann"}


def test_a_snapshot_of_another_format_leaves_nobody_blank(
    home: Path, open_brain: OpenBrain
) -> None:
    (path,) = (home / "snapshots").glob("*/serving.db")
    with sqlite3.connect(path) as store:
        store.execute("UPDATE profile SET body = '{}'")
    store.close()

    brain = open_brain(home)

    assert brain.profiles(["ann"]) == {}


def test_a_campaign_published_or_taken_away_is_noticed(home: Path, brain: Brain) -> None:
    shutil.rmtree(campaign_folder(home, "weekly_picks"))
    look_again(brain)
    assert brain.campaigns == {}

    shop.publish(home)
    look_again(brain)
    assert set(brain.campaigns) == {"weekly_picks"}


def test_the_workspace_is_looked_at_once_a_second_at_most(home: Path, brain: Brain) -> None:
    brain.refresh()
    shutil.rmtree(campaign_folder(home, "weekly_picks"))

    brain.refresh()

    assert set(brain.campaigns) == {"weekly_picks"}


def test_a_champion_of_the_snapshots_version_changes_nothing(
    home: Path, open_brain: OpenBrain
) -> None:
    keep_champion(home, "1")

    brain = open_brain(home)

    assert brain.profiles(["ann"])["ann"].outputs["p_order_30d"] == 0.25
    assert brain.missing() == []


def test_another_champion_scores_the_stored_features(home: Path, open_brain: OpenBrain) -> None:
    score = keep_champion(home, "2")

    brain = open_brain(home)

    assert brain.profiles(["ann"])["ann"].outputs["p_order_30d"] == score
    assert brain.model_versions() == {NAME: "2", "recommender": "4"}


def test_a_champion_promoted_meanwhile_takes_over(home: Path, brain: Brain) -> None:
    score = keep_champion(home, "3")

    look_again(brain)
    wait_until_settled(brain)

    assert brain.profiles(["ann"])["ann"].outputs["p_order_30d"] == score


def test_a_champion_that_loads_slowly_does_not_replace_a_later_choice(
    home: Path, brain: Brain, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_loading, may_end = threading.Event(), threading.Event()
    load = rescoring.load_rescorer

    def slowly(root: Path, name: str, *, output: str) -> rescoring.Rescorer:
        loaded = load(root, name, output=output)
        is_loading.set()
        assert may_end.wait(60)
        return loaded

    monkeypatch.setattr(rescoring, "load_rescorer", slowly)
    keep_champion(home, "2")
    look_again(brain)
    slow = brain._loading
    assert slow is not None
    assert is_loading.wait(60)
    monkeypatch.setattr(rescoring, "load_rescorer", load)
    keep_champion(home, "3")
    look_again(brain)
    wait_until_settled(brain)

    may_end.set()
    slow.join(60)

    assert brain.model_versions()[NAME] == "3"


def test_a_damaged_champion_leaves_the_snapshots_score(home: Path, open_brain: OpenBrain) -> None:
    keep_champion(home, "2")
    for path in (home / "bundles" / "models" / NAME / "2").glob("*.json"):
        path.write_text("{}")

    brain = open_brain(home)

    assert brain.profiles(["ann"])["ann"].outputs["p_order_30d"] == 0.25
    assert brain.model_versions()[NAME] == "1"


def test_what_a_bento_brings_fills_in_for_an_empty_workspace(
    made_once: Path, tmp_path: Path, open_brain: OpenBrain
) -> None:
    shutil.copytree(made_once / "bundles", tmp_path / "shipped" / "bundles")

    brain = open_brain(tmp_path / "empty")

    assert set(brain.campaigns) == {"weekly_picks"}
    assert (
        brain.picture("weekly_picks", next(iter(brain.campaigns["weekly_picks"].tiles))) is not None
    )


def test_the_clock_is_the_one_given(brain: Brain) -> None:
    assert brain.now() == datetime.fromisoformat("2024-06-01T12:00:00+00:00")


def test_a_workspace_that_cannot_be_written_is_named_at_the_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    may = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: path != home / "events.db" and may(path, mode)
    )
    monkeypatch.setenv("SENDWISE_HOME", str(home))
    monkeypatch.setattr(brain_module.log, "propagate", True)

    brain_module.open_brain().close()

    (line,) = [each.getMessage() for each in caplog.records if "read_only" in each.getMessage()]
    assert f"files={home / 'events.db'} unsubscribing" in line
