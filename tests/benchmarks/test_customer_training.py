from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import customer_training
from benchmarks.customer_training import BARS, MODELS, train_all
from pipelines.training import TRAINERS


def test_seconds_add_up_and_the_highest_memory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []

    def watched(command: Sequence[str]) -> tuple[str, float, float]:
        ran.append(command)
        return "{}", 10.0, float(len(ran))

    monkeypatch.setattr(customer_training, "run_and_watch", watched)

    found = train_all(tmp_path, MODELS[:3])

    assert list(found) == [one.name for one in BARS]
    assert found["train_all"] == pytest.approx(30.0)
    assert found["train_all_peak_memory"] == pytest.approx(3 * 1.073741824)  # GB of GiB
    assert [command[4] for command in ran] == ["propensity", "churn", "value"]


def test_every_model_is_trained_that_the_data_can_carry() -> None:
    assert {name for name, *_ in MODELS} == set(TRAINERS) - {"send-time"}
