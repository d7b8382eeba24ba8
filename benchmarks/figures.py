"""A benchmark's figures: the table for people and the last line of JSON for programs."""

from __future__ import annotations

import json
import operator
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console
from rich.table import Table

_HOLDS = {"<=": operator.le, ">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value beside its bar. `value` None: not taken, and `reason` says why."""

    name: str
    value: float | None
    unit: str
    op: str
    bar: float
    goal: float | None = None
    reason: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bar is met; None where nothing was measured."""
        return None if self.value is None else bool(_HOLDS[self.op](self.value, self.bar))


def bar(name: str, unit: str, op: str, limit: float, goal: float | None = None) -> Figure:
    """Return a bar that nothing has been measured against yet."""
    return Figure(name=name, value=None, unit=unit, op=op, bar=limit, goal=goal)


def machine() -> dict[str, object]:
    """Describe the machine the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def show(benchmark: str, figures: Sequence[Figure]) -> None:
    """Print the table, then one line of JSON."""
    table = Table(
        "what", "measured", "bar", "go for", "holds", title=benchmark, title_justify="left"
    )
    for one in figures:
        measured = (
            f"{_text(one.value)} {one.unit}"
            if one.value is not None
            else f"not taken: {one.reason}"
        )
        goal = "" if one.goal is None else f"{_text(one.goal)} {one.unit}"
        holds = {True: "yes", False: "NO", None: ""}[one.holds]
        table.add_row(one.name, measured, f"{one.op} {_text(one.bar)} {one.unit}", goal, holds)
    Console(highlight=False).print(table)
    line = {
        "benchmark": benchmark,
        "machine": machine(),
        "results": [{**asdict(one), "holds": one.holds} for one in figures],
    }
    sys.stdout.write(json.dumps(line) + "\n")


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
