"""Every customer model against its bars, on real data and on a simulated shop whose truth is known.

`python -m benchmarks.customer_models --data FOLDER` takes the Online Retail and the CDNOW of
FOLDER; the Complete Journey comes with the packages, the shop is simulated. What is not there is
left out, with the reason. Tables of every contender go to standard error, figures to standard
output. How each is measured: `customer_probabilities`, `customer_value`, `customer_clusters`,
`customer_send_time` and `customer_training` beside this file.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import (
    customer_clusters,
    customer_probabilities,
    customer_send_time,
    customer_training,
    customer_value,
)
from benchmarks.customer_value import RETAIL_FILE, imported
from benchmarks.figures import Figure, show

SETS: Final = ("retail", "cdnow", "journey", "shop", "training")
BARS: Final = (
    *customer_probabilities.BARS,
    *customer_value.BARS,
    *customer_clusters.BARS,
    *customer_send_time.BARS,
    *customer_training.BARS,
)
ABSENT: Final = "not asked for, or its data are not in --data"


def take(data: Path | None, work: Path, only: Sequence[str]) -> dict[str, float]:
    """Take the figures of the chosen sets, of those that are there."""
    taken: dict[str, float] = {}
    if "training" in only:
        taken |= customer_training.training(work)
    if data and "retail" in only and (data / RETAIL_FILE).is_file():
        home = imported(work / "retail", "online-retail", data / RETAIL_FILE)
        taken |= customer_probabilities.retail(home)
        taken |= customer_clusters.clusters(home)
    if "journey" in only:
        taken |= customer_probabilities.journey(
            imported(work / "journey", "complete-journey", None)
        )
    if "shop" in only:
        taken |= customer_probabilities.shop(work / "shop")
        taken |= customer_send_time.send_time(work / "send_time")
    return {**taken, **customer_value.take(data, work, only)}


def run(data: Path | None, work: Path, only: Sequence[str]) -> list[Figure]:
    """Return every figure; of one that was not taken, why."""
    taken = take(data, work, only)
    return [replace(one, value=taken.get(one.name), reason=ABSENT) for one in BARS]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of online_retail and cdnow")
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: nothing at all")
    parser.add_argument("--work", type=Path, help="folder to keep imports in; default: none")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        figures = run(given.data, work, () if given.quick else given.only)
    show("customer_models", figures)


if __name__ == "__main__":
    main()
