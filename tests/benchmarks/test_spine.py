import json
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure

ROOT = Path(__file__).resolve().parents[2]


def test_quick_figures_end_with_one_line_of_json_that_names_what_was_not_taken() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.spine", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    said = json.loads(done.stdout.splitlines()[-1])

    assert said["benchmark"] == "spine"
    assert said["machine"]["cores"] >= 1
    figures = {one["name"]: one for one in said["results"]}
    assert figures["demo_wall"]["value"] is None
    assert figures["demo_wall"]["reason"] == "--quick"
    assert figures["help_wall"]["value"] > 0


def test_a_figure_holds_only_inside_its_bar() -> None:
    def figure(value: float | None, op: str) -> Figure:
        return Figure(name="x", value=value, unit="s", op=op, bar=2.0)

    assert figure(2.0, "<=").holds is True
    assert figure(2.1, "<=").holds is False
    assert figure(1.9, ">=").holds is False
    assert figure(None, "<=").holds is None
