"""`python -m benchmarks`: run every benchmark, one after another."""

from __future__ import annotations

import runpy
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    if path.stem != "figures":
        runpy.run_module(f"benchmarks.{path.stem}", run_name="__main__")
