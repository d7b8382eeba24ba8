"""`python -m benchmarks`: run every benchmark, one after another."""

from __future__ import annotations

import runpy

for name in ("spine", "features", "recommenders", "recommend", "customer_models"):
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
