"""Reading anybody's interactions: who took what, perhaps how often and when."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from core.errors import DataError, MissingColumnsError

USER, ITEM, WEIGHT, TIME = "user", "item", "weight", "time"
# An empty cell is none, in columns of text too; but somebody may be called NA.
_CELLS: Final = pa_csv.ConvertOptions(null_values=[""], strings_can_be_null=True)
_LATEST: Final = 1e11  # seconds: the year 5138. What is larger counts something smaller.


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the columns of a file are called.

    `weight` and `time` need not be there, unless they are named: None takes the columns of these
    names where there are any.
    """

    user: str = USER
    item: str = ITEM
    weight: str | None = None
    time: str | None = None


def read_interactions(path: Path, columns: Columns | None = None) -> pd.DataFrame:
    """Read interactions from CSV, Parquet or LightGCN text, plain or gzipped.

    LightGCN text has one line per user: `user item item ...`. The others have columns for user
    and item, and may have one for weight (default 1) and time (ISO 8601, or seconds since 1970).
    Rows may be in any order. A pair may have many; they count together. Rows without a user or
    an item, as those of guests, are left out.

    Returns:
        Columns `user`, `item` (text), `weight` (float), `time` (seconds; nan where unknown).

    Raises:
        DataError: The file is missing, empty or not of these formats; a weight is no positive
            number, or a time cannot be read.
        MissingColumnsError: A column is not there.
    """
    columns = columns or Columns()
    if not path.is_file():
        raise DataError(f"no file {path}. Give interactions as CSV, Parquet or LightGCN text.")
    kind = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    try:
        if kind == "txt":
            given = _lightgcn(path)
            columns = Columns(weight=columns.weight, time=columns.time)
        elif kind in {"csv", "parquet"}:
            is_csv = kind == "csv"
            table = pa_csv.read_csv(path, convert_options=_CELLS) if is_csv else pq.read_table(path)
            given = _as_texts(table, columns).to_pandas()
        else:
            raise DataError(f"{path} is neither .csv, .parquet nor .txt (LightGCN's format).")
    except (pa.ArrowInvalid, UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if given.empty:
        raise DataError(f"{path} holds no interactions.")
    frame = _named(given, path, columns)
    if frame.empty:
        raise DataError(f"{path} holds no interactions.")
    return frame


def _as_texts(table: pa.Table, columns: Columns) -> pa.Table:
    """Make ids texts: as numbers of pandas, one empty cell would turn each 7 into 7.0."""
    for name in {columns.user, columns.item} & set(table.column_names):
        at = table.column_names.index(name)
        table = table.set_column(at, name, table.column(at).cast(pa.string()))
    return table


def _lightgcn(path: Path) -> pd.DataFrame:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    lines = [line.split() for line in text.splitlines()]
    counts = [max(len(line) - 1, 0) for line in lines]
    users = np.repeat([line[0] if line else "" for line in lines], counts)
    items = np.array([item for line in lines for item in line[1:]], dtype=object)
    return pd.DataFrame({USER: users.astype(object), ITEM: items})


def _named(given: pd.DataFrame, path: Path, columns: Columns) -> pd.DataFrame:
    asked = {columns.user, columns.item, *filter(None, (columns.weight, columns.time))}
    if absent := asked - set(given.columns):
        advice = "name them with --user-column, --item-column, --weight-column, --time-column"
        raise MissingColumnsError(str(path), absent, map(str, given.columns), advice)
    frame = given.dropna(subset=[columns.user, columns.item])
    weight, time = columns.weight or WEIGHT, columns.time or TIME
    return pd.DataFrame(
        {
            USER: frame[columns.user].astype(str),
            ITEM: frame[columns.item].astype(str),
            WEIGHT: _weights(frame[weight], path) if weight in frame else 1.0,
            TIME: _seconds(frame[time], path) if time in frame else np.nan,
        }
    )


def _weights(values: pd.Series[float], path: Path) -> pd.Series[float]:
    numeric = pd.api.types.is_numeric_dtype(values)
    if not numeric or not ((values > 0) & np.isfinite(values)).all():
        raise DataError(f"{path}: column {values.name} must hold positive numbers, in every row.")
    return values.astype(float)


def _seconds(values: pd.Series[float], path: Path) -> pd.Series[float]:
    if pd.api.types.is_numeric_dtype(values):
        seconds = values.astype(float)
    else:
        instants = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        seconds = (instants - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    if not np.isfinite(seconds).all():
        raise DataError(
            f"{path}: column {values.name} is neither ISO 8601 nor seconds, in some rows or all."
        )
    if (seconds.abs() > _LATEST).any():
        raise DataError(
            f"{path}: column {values.name} counts something smaller than seconds. Give seconds "
            "since 1970, or ISO 8601."
        )
    return seconds
