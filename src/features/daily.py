"""The daily build: what was kept of the build before, moved on to today, and kept again.

A folder holds the parts of all customers as of one cut-off, and the pairs of keyed kinds: a file
for each build, each weight as of that build. It is made by a full build wherever there is none
that can be moved on: another definition, another shop, events that came in late.
"""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core import columns as c
from core.clock import DAY_US, from_us
from core.errors import ConfigError
from core.files import new_folder
from core.ids import digest
from features.advance import OLD, STATE, longest_days
from features.batch import Batch
from features.engine import Progress, run_steps
from features.feature import definitions_digest
from features.groupings import KEPT
from features.parquet import copied, kept_of
from features.things import CUSTOMER
from ingest.mapping import literal

# Of so many builds at most a state is made: their files are read every day, and roundings add up.
_MOST_BUILDS: Final = 64
_LAYOUT: Final = 2  # raise it when the parts of a kind change
_PARTS: Final = "parts.parquet"
_MANIFEST: Final = "manifest.json"
_END: Final = "end_us"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a state was built of: the cut-offs of its builds, and its files by name."""

    builds: Sequence[int] = ()
    files: Sequence[str] = ()


_NOTHING: Final = _Kept()


@dataclass(slots=True, kw_only=True)
class Daily:
    """Writes features from what it keeps in `folder`: a writer for `features_to_parquet`.

    `seen` tells of an instant which events before it there are: as long as it tells the same,
    none has come in late. `since` is afterwards the cut-off that the build went on from, None if
    it was a full one.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    seen: Callable[[int], str]
    progress: Progress | None = None
    since: datetime | None = field(default=None, init=False)

    def __call__(self, batch: Batch, path: Path, customers: Sequence[str] | None) -> None:
        """Write a batch's rows, and keep what tomorrow's build goes on from.

        Raises:
            ConfigError: The batch is not of everybody seen: who is in it later has parts from now.
        """
        if batch.who != "seen":
            raise ConfigError('a daily build is of everybody seen: who="seen".')
        kept = self._kept(batch)
        try:
            self._build(batch, path, customers, kept)
        except duckdb.Error:
            if not kept.builds:
                raise
            self._build(batch, path, customers, _NOTHING)  # what was kept is damaged

    def _build(
        self, batch: Batch, path: Path, customers: Sequence[str] | None, kept: _Kept
    ) -> None:
        at_us, builds = batch.cutoffs[0], kept.builds
        self.since = from_us(builds[-1]) if builds else None
        batch = replace(batch, apart=True, since_us=builds[-1] if builds else None)
        with new_folder(self.folder) as inside:
            pairs = [name for name in kept.files if name.startswith(KEPT)]
            for name in pairs:
                os.link(self.folder / name, inside / name)  # files never change
            steps = batch.steps()
            if builds:
                self._open(steps, pairs)
            step = self._step(inside, at_us, number=len(builds))
            with run_steps(self.connection, steps, step, self.progress) as last:
                copied(self.connection, last, path, kept_of(self.connection, customers))
            manifest = {
                "mark": self._mark(batch, at_us),
                "builds": [*builds, at_us],
                "files": {
                    file.name: pq.read_metadata(file).num_rows
                    for file in sorted(inside.glob("*.parquet"))
                },
            }
            (inside / _MANIFEST).write_text(json.dumps(manifest) + "\n", encoding="utf-8")

    def _kept(self, batch: Batch) -> _Kept:
        """Return what the state was built of, nothing if it cannot be moved on."""
        at_us = batch.cutoffs[0]
        try:
            kept = json.loads((self.folder / _MANIFEST).read_bytes())
            builds, mark = [int(each) for each in kept["builds"]], kept["mark"]
            last_us = builds[-1]
            for name, rows in kept["files"].items():
                if pq.read_metadata(self.folder / name).num_rows != rows:
                    return _NOTHING
        except (OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException):
            return _NOTHING  # there is none, or it is damaged
        is_near = last_us <= at_us <= last_us + longest_days(batch.groupings().kinds) * DAY_US
        if not is_near or mark != self._mark(batch, last_us) or len(builds) >= _MOST_BUILDS:
            return _NOTHING
        return _Kept(builds, [*kept["files"]])

    def _mark(self, batch: Batch, at_us: int) -> str:
        """Return a hash of what a state as of an instant depends on."""
        definitions = definitions_digest(batch.features)
        shop = repr(batch.clock.shop)
        return digest([_LAYOUT, definitions, shop, batch.who, at_us, self.seen(at_us)])

    def _open(self, steps: dict[str, str], pairs: Sequence[str]) -> None:
        """Make the tables that a build goes on from."""
        parts = self.folder / _PARTS
        names = pq.read_schema(parts).names
        old = [f"{name} AS {OLD}{name}" for name in names if name not in (c.CUSTOMER_ID, CUSTOMER)]
        self._view(STATE, parts, columns=", ".join([c.CUSTOMER_ID, *old]))
        for name in steps:
            if name.startswith(KEPT):
                files = [self.folder / each for each in pairs if each.startswith(f"{name}-")]
                self._view(f"{OLD}{name}", *files)

    def _step(self, inside: Path, at_us: int, *, number: int) -> Callable[[str, str], str]:
        """Return what runs one step: what is kept goes to its file on the way.

        Pairs go to a file with the number of the build, which no build before has.
        """

        def run(name: str, query: str) -> str:
            if name == "parts":
                self._keep(query, inside / _PARTS)
                self._view(name, inside / _PARTS)
            elif name.startswith(KEPT):
                file = inside / f"{name}-{number}.parquet"
                self._keep(f"SELECT *, {at_us} AS {_END} FROM ({query})", file)
                self._view(name, file, columns=f"* EXCLUDE {_END}")
            else:
                self.connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
                return "TABLE"
            return "VIEW"

        return run

    def _keep(self, query: str, file: Path) -> None:
        target = literal(str(file))
        self.connection.execute(f"COPY ({query}) TO {target} (FORMAT parquet)")

    def _view(self, name: str, *files: Path, columns: str = "*") -> None:
        listed = ", ".join(literal(str(file)) for file in files)
        select = f"SELECT {columns} FROM read_parquet([{listed}])"
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")
