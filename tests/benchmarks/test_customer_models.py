from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.customer_models import ABSENT, BARS, main, run


def test_quick_prints_table_and_line_with_reasons_and_takes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--quick"])

    *_, line = capsys.readouterr().out.splitlines()
    results = json.loads(line)["results"]
    assert [one["name"] for one in results] == [one.name for one in BARS]
    assert {one["value"] for one in results} == {None}
    assert {one["reason"] for one in results} == {ABSENT}


def test_every_figure_has_one_name() -> None:
    names = [one.name for one in BARS]

    assert len(set(names)) == len(names)


def test_data_that_are_not_there_are_said_so(tmp_path: Path) -> None:
    for data in (None, tmp_path):
        assert {one.value for one in run(data, tmp_path, ("retail", "cdnow"))} == {None}
