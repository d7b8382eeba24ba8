"""Which files of the lake count: what the log books, how files are named, which are out of date.

A file never changes. A day that is written anew is a new generation of files, a whole table a
new version, under new names; what they replace stays until the next export, for those who read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from core.clock import DAY_US
from core.errors import NotReadyError
from core.ids import digest
from ingest.log import EventLog

BY_DAY: Final = ("events", "items")
WHOLE: Final = ("catalogue", "customers", "consents")
_BOOK: Final = (
    "SELECT day, coalesce(generation, 0), files FROM exports LEFT JOIN rewrites USING (day)"
)


def booked(log: EventLog, lake: Path) -> dict[str, list[Path]] | None:
    """Return the files to read of each table; None where the log has no events.

    Such a log holds consents at most, and says nothing about the lake beside it. A file that no
    booking names is of an export under way, or was replaced.

    Raises:
        NotReadyError: A booked file is not there.
    """
    if not log.rows("SELECT 1 FROM events LIMIT 1"):
        return None
    days = log.rows(f"{_BOOK} WHERE NOT stale ORDER BY day")
    found = {name: _files(lake / name, days) for name in BY_DAY}
    for name in WHOLE:
        number = log.mark(mark(name))
        found[name] = [version(lake, name, number)] if number else []
    for file in (file for files in found.values() for file in files):
        if not file.exists():
            raise NotReadyError(
                f"{file} is missing from the lake. Run your last `sendwise import` again: it "
                "writes the file anew from the log."
            )
    return found


def unbooked(lake: Path) -> dict[str, list[Path]]:
    """Return the files of a lake without a log: of all that were written anew the newest."""
    found: dict[str, list[Path]] = {name: [] for name in BY_DAY}
    for name, files in found.items():
        for day in sorted((lake / name).glob("day=*")):
            parts = sorted(day.glob("*.parquet"))
            newest = max(map(_age, parts), default=0)
            files += [part for part in parts if _age(part) == newest]
    for name in WHOLE:
        versions = [*lake.glob(f"{name}.parquet"), *lake.glob(f"{name}-*.parquet")]
        found[name] = [max(versions, key=_age)] if versions else []
    return found


def tidy(log: EventLog, lake: Path) -> None:
    """Remove what the export before replaced, and strike from the book what was lost."""
    with log.transaction() as db:
        days = log.rows(_BOOK)
        lost = [
            (day,)
            for day, generation, files in days
            for name in BY_DAY
            if not all(file.exists() for file in _files(lake / name, [(day, generation, files)]))
        ]
        db.executemany("UPDATE exports SET stale = 1 WHERE day = ?", lost)
        for name in WHOLE:
            if not version(lake, name, log.mark(mark(name))).exists():
                log.set_mark(mark(name), 0)
    for day, generation, _ in days:
        for name in BY_DAY if generation else ():
            _remove_older(lake / name / day_name(day), "*.parquet", generation)
    for name in WHOLE:
        _remove_older(lake, f"{name}-*.parquet", log.mark(mark(name)))


def day_name(day: int) -> str:
    """Name the folder of a day, counted from 1970."""
    return f"day={date(1970, 1, 1) + timedelta(days=day)}"


def part(generation: int, number: int) -> str:
    """Name a file of a day; those of the first generation have the short name."""
    return (
        f"part-{generation:04}-{number:04}.parquet" if generation else f"part-{number:04}.parquet"
    )


def version(lake: Path, table: str, number: int) -> Path:
    """Return where a version of a whole table is."""
    return lake / f"{table}-{number}.parquet"


def mark(table: str) -> str:
    """Name the mark of the log that says which version of a whole table is in the lake."""
    return f"lake file of {table}"


def _files(folder: Path, days: list[tuple[int, ...]]) -> list[Path]:
    return [
        folder / day_name(day) / part(generation, number)
        for day, generation, files in days
        for number in range(files)
    ]


def _age(file: Path) -> int:
    """Return the generation or version a file's name gives, 0 where it gives none."""
    named = re.fullmatch(r"part-(\d+)-\d+|(?:catalogue|customers|consents)-(\d+)", file.stem)
    return int(named[1] or named[2]) if named else 0


def _remove_older(folder: Path, names: str, current: int) -> None:
    for file in folder.glob(names):
        if _age(file) < current:
            file.unlink()


def events_before(parts: Iterable[Path | pa.Table], at_us: int) -> str:
    """Return a hash that stays while no row before an instant comes in, goes or changes.

    It tells from the names of files, which never change, and from the rows that no file has yet.
    """
    found: list[str] = []
    for part in parts:
        if isinstance(part, Path):
            if part.parent.name < day_name(-(-at_us // DAY_US)):
                found.append("/".join(part.parts[-3:]))
        else:
            rows = part.filter(pc.field("ts_us") < at_us)
            found += [str(ident) for ident in rows["event_id"].to_pylist()]
    return digest(sorted(found))
