from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks import customer_clusters
from benchmarks.customer_clusters import BARS, main, measure, taken, tell
from pipelines import train_clusters
from tests.small_shop import write_lake


def test_clusters_of_a_day_are_measured_by_what_came_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lake(tmp_path)
    for module in (train_clusters, customer_clusters):  # sixty days hold three of this length
        monkeypatch.setattr(module, "LATER", timedelta(days=20))

    found = measure(tmp_path, datetime(2017, 11, 10, tzinfo=UTC), refits=3)
    tell(found)

    assert [*found.figures] == [one.name for one in BARS]
    assert found.ari > 0.75
    assert 0 < found.smallest <= 1 / 3
    assert 0 < found.eta_ordered <= found.ceiling + 0.1
    assert np.isfinite(found.fitted.chosen.tells)
    assert "chosen" in capsys.readouterr().err


def test_data_that_are_not_there_are_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--data", str(tmp_path)])

    *_, line = capsys.readouterr().out.splitlines()
    results = json.loads(line)["results"]
    assert [one["value"] for one in results] == [None] * 3
    assert {one["reason"] for one in results} == {"Online Retail is not in --data"}


def test_figures_stand_beside_their_bars() -> None:
    ari, *_ = taken({"clusters_bootstrap_ari": 0.93})

    assert (ari.value, ari.bar, ari.goal, ari.holds) == (0.93, 0.90, 0.94, True)
