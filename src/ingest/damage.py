"""Damaged files of the lake, so that a reader names them instead of failing somewhere later."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

from core.errors import DataError
from ingest.inputs import first_line

_MARK: Final = b"PAR1"  # the last bytes of a Parquet file, after the length of its footer
_ENDING: Final = 8


def refuse_cut_off(files: Iterable[Path], *, has_log: bool) -> None:
    """Look at the last bytes of Parquet files: a moment for a year of days.

    Raises:
        DataError: A file does not end as Parquet does.
    """
    for file in files:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(max(size - _ENDING, 0))
            ending = opened.read()
        footer = int.from_bytes(ending[:4], "little")
        if ending[4:] != _MARK or footer > size - _ENDING - len(_MARK):
            raise _error(file, "does not end as a Parquet file does", has_log=has_log)


def refuse_unreadable(files: Iterable[Path], *, has_log: bool) -> None:
    """Read all of Parquet files, with the engine that reads them elsewhere.

    Raises:
        DataError: A file cannot be read.
    """
    with duckdb.connect() as connection:
        for file in files:
            try:
                connection.execute("SELECT max(hash(t)) FROM read_parquet($1) AS t", [str(file)])
            except duckdb.Error as error:
                raise _error(file, first_line(error).rstrip("."), has_log=has_log) from None


def _error(file: Path, what: str, *, has_log: bool) -> DataError:
    advice = (
        "Remove it and run your last `sendwise import` again: it writes the file anew from the log"
        if has_log
        else "There is no log to write it anew from: bring it back from a copy, or make the"
        " workspace anew"
    )
    return DataError(f"{file} is damaged: {what}. {advice}.")
