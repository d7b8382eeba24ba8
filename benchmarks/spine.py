"""The main job from a bare workspace: how long the demo takes, and how much memory.

`python -m benchmarks.spine` runs `sendwise demo` in a new workspace and watches its process tree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.watch import run_and_watch

SENDWISE = Path(sys.executable).with_name("sendwise")


def demo_figures(home: Path) -> list[Figure]:
    """Run the demo once and take its figures."""
    output, seconds, peak = run_and_watch([str(SENDWISE), "--home", str(home), "demo", "--json"])
    steps = json.loads(output.strip().splitlines()[-1])["steps"]
    rows = sum(section["read"] for section in steps["import"]["sections"])
    rows_per_second = rows / steps["import"]["seconds"]
    return [
        Figure(name="demo_wall", value=seconds, unit="s", op="<=", bar=300),
        Figure(name="demo_peak_memory", value=peak, unit="GiB", op="<=", bar=6),
        Figure(name="import_rate", value=rows_per_second, unit="rows/s", op=">=", bar=40_000),
    ]


def help_figure() -> Figure:
    """How long a person waits for `sendwise --help`."""
    _, seconds, _ = run_and_watch([str(SENDWISE), "--help"])
    return Figure(name="help_wall", value=seconds, unit="s", op="<=", bar=2, goal=0.5)


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: skip the demo")
    quick = parser.parse_args().quick
    if quick:
        reason = "--quick"
        demo = [
            Figure(name="demo_wall", value=None, unit="s", op="<=", bar=300, reason=reason),
            Figure(name="demo_peak_memory", value=None, unit="GiB", op="<=", bar=6, reason=reason),
        ]
    else:
        with tempfile.TemporaryDirectory() as folder:
            demo = demo_figures(Path(folder))
    show("spine", [*demo, help_figure()])


if __name__ == "__main__":
    main()
