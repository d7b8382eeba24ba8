"""Training every customer model on the Complete Journey: how long, and how much memory.

A fresh workspace is imported once, which does not count. Then `sendwise train` runs for one model
after another, as a user would run it: a process each, with its start, default trials, registration.
The seconds are those of all; the memory is the highest of any process tree. Send times are not
trained: nobody's opens and clicks are in these data, and training refuses.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.customer_value import imported
from benchmarks.figures import bar
from benchmarks.shops import SENDWISE
from benchmarks.watch import run_and_watch

AS_OF: Final = "2018-01-01"
MODELS: Final = (
    ("propensity",),
    ("churn",),
    ("value",),
    ("clusters",),
    ("recommender",),
    ("engagement", "--answer", "redeemed", "--days", "60"),
)
_GB: Final = 2**30 / 1e9  # of a GiB

console: Final = Console(stderr=True, highlight=False, width=160)

BARS: Final = (
    bar("train_all", "s", "<=", 360.0),
    bar("train_all_peak_memory", "GB", "<=", 4.0),
)


def training(work: Path) -> dict[str, float]:
    """Import the Complete Journey into a new folder of `work`, and train everything there."""
    with tempfile.TemporaryDirectory(dir=work) as folder:  # what was trained before is not again
        return train_all(imported(Path(folder), "complete-journey", None))


def train_all(home: Path, models: Sequence[Sequence[str]] = MODELS) -> dict[str, float]:
    """Train models of a workspace, one after another, and print what each took.

    Raises:
        RuntimeError: One was refused, or failed.
    """
    table = Table("model", "s", "GB", title="Training on the Complete Journey")
    seconds, peak = 0.0, 0.0
    for model in models:
        command = [str(SENDWISE), "--home", str(home), "train", *model, "--as-of", AS_OF, "--json"]
        _, took, gib = run_and_watch(command)
        seconds, peak = seconds + took, max(peak, gib * _GB)
        table.add_row(" ".join(model), f"{took:.1f}", f"{gib * _GB:.2f}")
    console.print(table)
    return {"train_all": seconds, "train_all_peak_memory": peak}
