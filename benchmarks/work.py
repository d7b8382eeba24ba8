"""Measures one thing in a process of its own: `python -m benchmarks.work NAME WORKSPACE`.

Prints one line of JSON: what was found, or the reason why not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import batches, streams
from core.errors import SendwiseError

RUNS: Final[dict[str, Callable[[Path], batches.Found]]] = {
    "base_against_scan": batches.base_against_scan,
    "rich": batches.rich,
    "registry": batches.registry,
    "cutoffs": batches.cutoffs,
    "one_more_day": batches.one_more_day,
    "in_memory": batches.in_memory,
    "in_pandas": batches.in_pandas,
    "in_plain_pandas": batches.in_plain_pandas,
    "in_polars": batches.in_polars,
    "stream": streams.stream_figures,
    "spark": streams.spark_figures,
    "states": streams.state_figures,
}


def main() -> None:
    """Measure what the first argument names, on the workspace of the second."""
    name, home = sys.argv[1:]
    found: dict[str, float] | dict[str, str]
    try:
        found = RUNS[name](Path(home))
    except SendwiseError as error:
        found = {"reason": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
