"""The features against their bars, on a simulated shop of 18 months and about 50 million events.

`python -m benchmarks.features --data FOLDER` makes the shop in FOLDER, and in FOLDER/peers a fifth
of it for the comparisons in which others hold everything in memory, and imports the Complete
Journey into FOLDER/journey, unless they are there already. The shops take 4 GB; sorting and
grouping on disk takes more for a while. Every figure is taken in a process of its own, and
progress goes to standard error.

What is compared:

base_vs_scan: 21 features of everybody seen, written to Parquet, against max() of the six columns
they read; both on two threads, the better of two runs. The other sets are written once.
cutoffs_12_vs_singles: the base set at twelve monthly cut-offs in one call against twelve calls,
written to Parquet, on the shop of the peers.
faster_than_pandas, time_vs_polars: the base set into memory, an Arrow table for us and a frame of
their own for them; two threads, the better of two runs, of which our first compiles. pandas reads
texts as categories, which is as fast as it gets there; plain: as objects, unless told otherwise.
one_more_day_vs_full: every feature, written to Parquet with what the next day goes on from, from
what the build of the day before has kept, against a full build that keeps nothing.
stream, spark: every feature, for 300 customers of the shop of the peers, drawn at random.
state: every feature, for 400 households of the Complete Journey, drawn at random.
simulate: 50,000 customers on one core; memory is the peak of 360 days over that of 90.

--quick has the base set only, and a shop too small to say anything of speed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

from rich.console import Console

from benchmarks.batches import base_against_scan
from benchmarks.chosen import AS_OF, BASE, SEED
from benchmarks.figures import Figure, bar, show
from benchmarks.shops import SENDWISE, made, simulating
from benchmarks.streams import stream_figures
from benchmarks.watch import run_and_watch
from core.settings import Settings
from pipelines.simulate_shop import simulate_shop

CUSTOMERS: Final = 850_000
PEERS: Final = 170_000
SIMULATED: Final = 50_000
QUICK_CUSTOMERS: Final = 100
_GB_PER_GIB: Final = 2**30 / 1e9
_CORES: Final = "2"  # for Polars, as our engine has two threads
Taken = dict[str, float | str]  # a text is why there is no number

console: Final = Console(stderr=True, highlight=False)

BARS: Final = (
    bar("base_vs_scan", "x", "<=", 6.0, 4.0),
    bar("rich_rate", "events/s", ">=", 1_300_000, 2_500_000),
    bar("rich_peak_memory", "GB", "<=", 3.0),
    bar("registry_rate", "events/s", ">=", 500_000, 1_000_000),
    bar("registry_peak_memory", "GB", "<=", 4.0),
    bar("cutoffs_12_vs_singles", "x", "<=", 0.75, 0.4),
    bar("faster_than_pandas", "x", ">=", 5.0, 10.0),
    bar("faster_than_plain_pandas", "x", ">=", 5.0, 10.0),
    bar("time_vs_polars", "x", "<=", 1.3, 1.0),
    bar("one_more_day_vs_full", "x", "<=", 0.1, 0.03),
    bar("stream_fold", "events/s", ">=", 20_000, 60_000),
    bar("stream_read", "us", "<=", 150.0, 50.0),
    bar("stream_vs_batch", "difference", "<=", 1e-9),
    bar("spark_vs_duckdb", "difference", "<=", 1e-9),
    bar("state_median", "kB", "<=", 4.0, 2.0),
    bar("state_p99", "kB", "<=", 32.0, 16.0),
    bar("simulate_rate", "events/s", ">=", 300_000, 1_000_000),
    bar("simulate_memory_360_vs_90_days", "x", "<=", 1.25),
)


@dataclass(frozen=True, slots=True)
class Shops:
    """Where the shops are; each is made when it is first asked for."""

    folder: Path

    @property
    def large(self) -> Path:
        """The shop of about 50 million events."""
        return made(self.folder, CUSTOMERS)

    @property
    def small(self) -> Path:
        """The shop of about 10 million events."""
        return made(self.folder / "peers", PEERS)

    @property
    def journey(self) -> Path:
        """The Complete Journey, imported as the demo does it."""
        home = self.folder / "journey"
        if not (home / "lake").exists():
            command = [str(SENDWISE), "--home", str(home), "import"]
            run_and_watch([*command, "--dataset", "complete-journey"])
        return home


def _work(name: str, home: Path) -> tuple[dict[str, Any], float]:
    """Measure in a process of its own; return what it found and the peak GB of its memory."""
    output, _, peak = run_and_watch([sys.executable, "-m", "benchmarks.work", name, str(home)])
    found = json.loads(output.splitlines()[-1])
    if "reason" in found:
        raise RuntimeError(found["reason"])
    return found, peak * _GB_PER_GIB


def scan(shops: Shops) -> Taken:
    """The base set against reading its columns."""
    found, _ = _work("base_against_scan", shops.large)
    return {"base_vs_scan": found["base"] / found["scan"]}


def build(name: str) -> Callable[[Shops], Taken]:
    """Return how a set of features is measured: events a second, and memory."""

    def measure(shops: Shops) -> Taken:
        found, peak = _work(name, shops.large)
        console.print(f"{name}: {found['events']:,} events in {found['seconds']:,.1f} s")
        return {f"{name}_rate": found["events"] / found["seconds"], f"{name}_peak_memory": peak}

    return measure


def cutoffs(shops: Shops) -> Taken:
    """Twelve cut-offs in one call against twelve calls."""
    found, _ = _work("cutoffs", shops.small)
    return {"cutoffs_12_vs_singles": found["together"] / found["apart"]}


def peers(shops: Shops) -> Taken:
    """The base set against pandas and Polars."""
    os.environ["POLARS_MAX_THREADS"] = _CORES
    seconds = {}
    for name in ("in_memory", "in_polars", "in_pandas", "in_plain_pandas"):
        found, peak = _work(name, shops.small)
        seconds[name] = found["seconds"]
        console.print(f"{name}: {found['seconds']:,.2f} s, {peak:,.1f} GB")
    return {
        "faster_than_pandas": seconds["in_pandas"] / seconds["in_memory"],
        "faster_than_plain_pandas": seconds["in_plain_pandas"] / seconds["in_memory"],
        "time_vs_polars": seconds["in_memory"] / seconds["in_polars"],
    }


def stream(shops: Shops) -> Taken:
    """Folding, reading, and the same values as the batch."""
    found, _ = _work("stream", shops.small)
    console.print(f"stream: the 99th percentile of a read is {found['read_p99']:,.0f} us")
    return {
        "stream_fold": found["fold"],
        "stream_read": found["read"],
        "stream_vs_batch": found["difference"],
    }


def spark(shops: Shops) -> Taken:
    """The same values on Spark."""
    found, _ = _work("spark", shops.small)
    return {"spark_vs_duckdb": found["difference"]}


def states(shops: Shops) -> Taken:
    """What is stored of a customer."""
    found, _ = _work("states", shops.journey)
    return {"state_median": found["median"], "state_p99": found["p99"]}


def simulator(shops: Shops) -> Taken:
    """The simulator on one core, over a quarter and over a year."""
    core = str(max(os.sched_getaffinity(0)))
    rate, peaks = 0.0, []
    for days in (90, 360):
        with tempfile.TemporaryDirectory(dir=shops.folder) as home:
            command = simulating(Path(home), SIMULATED, days)
            output, _, peak = run_and_watch(["taskset", "-c", core, *command])
        rate = json.loads(output.splitlines()[-1])["events_per_second"]
        peaks.append(peak)
        console.print(f"simulate: {days} days, {rate:,} events/s, {peak * _GB_PER_GIB:.2f} GB")
    return {"simulate_rate": rate, "simulate_memory_360_vs_90_days": peaks[1] / peaks[0]}


def one_more_day(shops: Shops) -> Taken:
    """A daily build that goes on from yesterday's, against a full one."""
    found, _ = _work("one_more_day", shops.large)
    console.print(f"one more day: {found['day']:,.1f} s, in full {found['full']:,.1f} s")
    return {"one_more_day_vs_full": found["day"] / found["full"]}


def quick(shops: Shops) -> Taken:
    """Take a few figures of the base set in this process, on a shop that says nothing of speed."""
    simulate_shop(
        Settings(home=shops.folder), as_of=AS_OF, customers=QUICK_CUSTOMERS, days=30, seed=SEED
    )
    built = base_against_scan(shops.folder, times=1)
    streamed = stream_figures(shops.folder, BASE)
    return {
        "base_vs_scan": built["base"] / built["scan"],
        "stream_fold": streamed["fold"],
        "stream_read": streamed["read"],
        "stream_vs_batch": streamed["difference"],
    }


MEASURES: Final[tuple[tuple[Callable[[Shops], Taken], tuple[str, ...]], ...]] = (
    (scan, ("base_vs_scan",)),
    (build("rich"), ("rich_rate", "rich_peak_memory")),
    (build("registry"), ("registry_rate", "registry_peak_memory")),
    (cutoffs, ("cutoffs_12_vs_singles",)),
    (peers, ("faster_than_pandas", "faster_than_plain_pandas", "time_vs_polars")),
    (one_more_day, ("one_more_day_vs_full",)),
    (stream, ("stream_fold", "stream_read", "stream_vs_batch")),
    (spark, ("spark_vs_duckdb",)),
    (states, ("state_median", "state_p99")),
    (simulator, ("simulate_rate", "simulate_memory_360_vs_90_days")),
)
QUICK: Final = (quick, ("base_vs_scan", "stream_fold", "stream_read", "stream_vs_batch"))


def taken(shops: Shops, wanted: set[str], *, is_quick: bool) -> Taken:
    """Take the figures wanted, those of one measurement together; a failure is a reason."""
    found: Taken = {}
    for measure, names in [QUICK] if is_quick else MEASURES:
        if not wanted & {*names}:
            continue
        started = monotonic()
        console.print(f"[dim]{', '.join(names)} ...[/dim]")
        try:
            found |= measure(shops)
        except RuntimeError as error:
            found |= dict.fromkeys(names, str(error))
        console.print(f"[dim]{', '.join(names)}: {monotonic() - started:,.0f} s[/dim]")
    return found


def figures(found: Taken, wanted: set[str], otherwise: str) -> list[Figure]:
    """Return the bars that are wanted with what was found."""
    filled = []
    for one in BARS:
        value = found.get(one.name, otherwise)
        reason = {"reason": value} if isinstance(value, str) else {"value": value}
        if one.name in wanted:
            filled.append(replace(one, **reason))
    return filled


def main() -> None:
    """Take the figures and print them."""
    every = [one.name for one in BARS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="at most ten seconds: a few, tiny")
    parser.add_argument("--only", choices=every, metavar="NAME", help=", ".join(every))
    parser.add_argument("--data", type=Path, help="where the shops are kept; else they are not")
    given = parser.parse_args()
    wanted = {given.only} if given.only else {*every}
    keep = given.data is not None and not given.quick
    if keep:
        given.data.mkdir(parents=True, exist_ok=True)
    with nullcontext(given.data) if keep else tempfile.TemporaryDirectory() as folder:
        found = taken(Shops(Path(folder)), wanted, is_quick=given.quick)
    show("features", figures(found, wanted, "--quick"))


if __name__ == "__main__":
    main()
