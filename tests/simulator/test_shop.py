from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.book import unbooked
from simulator.parameters import Parameters
from tests.simulator.conftest import make

SMALL = Parameters(customers=300, days=40, seed=1, as_of=datetime(2024, 3, 1, 7, tzinfo=UTC))
ROOT = Path(__file__).parents[2]


def digests(home: Path) -> dict[str, str]:
    return {
        str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(home.rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_gives_the_same_bits_and_another_other_events(tmp_path: Path) -> None:
    reports = [
        make(tmp_path / name, replace(SMALL, seed=seed))
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    ]
    one, again, other = (digests(tmp_path / name) for name in ("one", "again", "other"))

    assert reports[0] == reports[1] != reports[2]
    assert one == again
    same = set(one.items()) & set(other.items())
    assert {Path(path).name for path, _ in same} <= {"seasons.parquet"}


def test_progress_counts_the_days(tmp_path: Path) -> None:
    from simulator.shop import simulate

    done: list[int] = []
    for name in ("lake", "truth"):
        (tmp_path / name).mkdir()
    simulate(SMALL, tmp_path / "lake", tmp_path / "truth", progress=done.append)

    assert sum(done) == 41  # the first and the last in part


@pytest.mark.parametrize(("customers", "days"), [(1, 1), (1, 400), (40, 1)])
def test_the_smallest_shops_are_whole(customers: int, days: int, tmp_path: Path) -> None:
    report = make(tmp_path, replace(SMALL, customers=customers, days=days))

    files = unbooked(tmp_path / "lake")
    assert all(files[name] for name in ("catalogue", "customers", "consents"))
    assert sum(pq.read_metadata(file).num_rows for file in files["events"]) == report.total
    assert pq.read_metadata(tmp_path / "truth" / "customers.parquet").num_rows == customers


def test_memory_does_not_grow_with_the_days(tmp_path: Path) -> None:
    """In a process of its own; the most it ever took only grows."""
    code = (
        "import resource, sys; from datetime import UTC, datetime; from pathlib import Path;"
        "from simulator.parameters import Parameters; from simulator.shop import simulate\n"
        "for days in (60, 420):\n"
        "    lake, truth = Path(sys.argv[1], f'{days}l'), Path(sys.argv[1], f'{days}t')\n"
        "    lake.mkdir(); truth.mkdir()\n"
        "    simulate(Parameters(customers=4_000, days=days, seed=1, events_per_customer=200,"
        " as_of=datetime(2024, 3, 1, tzinfo=UTC)), lake, truth)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        cwd=ROOT / "src",
        capture_output=True,
        text=True,
        check=True,
    )

    short, long = map(float, done.stdout.split())
    assert long < short + 30  # half a million events more, of 150 bytes and up
