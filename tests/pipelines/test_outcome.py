from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console

from pipelines.outcome import Outcome, Sheet, fitted, progress_bar

OUTCOME = Outcome(
    title="Scores",
    data={"auc": np.float64(0.75), "counts": np.array([1, 2]), "where": None},
    columns=("model", "customers", "auc", "kept"),
    rows=[("tree", 12_345, 0.75, True), ("rule", None, 1234.56, False)],
    notes=("A note that is longer than a line: " + "x" * 200,),
)


def test_a_program_gets_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    OUTCOME.show(as_json=True)

    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert json.loads(said) == {"status": "done", "auc": 0.75, "counts": [1, 2], "where": None}


def test_people_get_a_table_with_figures_that_read_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    OUTCOME.show(as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Scores"
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert cells == [["tree", "12,345", "0.7500", "yes"], ["rule", "", "1,234.6", "no"]]
    assert lines[-1].endswith("x" * 200)  # notes are not broken: paths stay whole


@pytest.mark.parametrize(
    ("note", "lines"),
    [
        pytest.param(
            "The snapshot is old: people and products are as they were.",
            ["The snapshot is old: people and", "products are as they were."],
            id="prose",
        ),
        pytest.param(
            "Nobody is known. Run `sendwise import --dataset complete-journey`.",
            ["Nobody is known. Run", "`sendwise import --dataset complete-journey`."],
            id="a-command-in-prose",
        ),
        pytest.param(
            "Start the service:    bin/sendwise --home var serve",
            ["Start the service:", "  bin/sendwise --home var serve"],
            id="a-command-with-a-label",
        ),
        pytest.param("In /a/long/path with/blanks/in/it", None, id="a-path"),
        pytest.param("Fits: a  b.", None, id="short"),
    ],
)
def test_a_remark_fits_a_terminal_and_commands_stay_whole(
    note: str, lines: list[str] | None
) -> None:
    assert fitted(Console(width=32, force_terminal=True), note).split("\n") == (lines or [note])
    assert fitted(Console(width=32, force_terminal=False), note) == note


def test_notes_on_a_terminal_are_fitted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "20")
    Outcome(title="Done", data={}, notes=("All customers were scored.",)).show(as_json=False)

    assert capsys.readouterr().out.splitlines()[1:] == ["All customers were", "scored."]


def test_what_stands_in_brackets_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Outcome(
        title="Kept in [var]", data={}, columns=("id",), rows=[("c[7]",)], notes=("see [a]/[/b]",)
    ).show(as_json=False)

    said = capsys.readouterr().out
    assert all(text in said for text in ("Kept in [var]", "c[7]", "see [a]/[/b]"))


def test_a_result_without_a_table_is_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    Outcome(title="Done", data={}, status="unchanged").show(as_json=False)

    title, why = capsys.readouterr().out.splitlines()
    assert title == "Done"
    assert why.startswith("Unchanged: the same inputs")


def test_progress_is_quiet_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("counting", total=2) as advance:
        advance()
        advance(1)

    assert capsys.readouterr() == ("", "")


def test_further_tables_stand_below_the_first_under_titles_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sheet = Sheet(title="More", columns=("model", "gini"), rows=[("tree", 0.5)])

    Outcome(
        title="Scores", data={}, columns=("model", "auc"), rows=[("tree", 0.75)], sheets=[sheet]
    ).show(as_json=False)

    said = capsys.readouterr().out
    assert 0 < said.index("0.7500") < said.index("More") < said.index("0.5000")
