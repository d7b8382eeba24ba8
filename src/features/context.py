"""The context: what goes on in a place on a day, such as weather or holidays, as features.

A table that the user supplies, with `day`, `country`, maybe `region` and `city`, and any columns
of numbers or texts besides: each of them is a feature.
"""

# ruff: noqa: S608  # SQL is put together from checked names

from __future__ import annotations

import re
from collections.abc import Mapping as Named
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from core.errors import DataError
from core.ids import file_digest
from core.settings import Settings
from features.feature import Feature
from features.formula import Around, Read
from features.kinds.place import Place
from features.outside import SIDES, Surroundings
from ingest.contract import EVENT_NAMES
from ingest.inputs import OURS, Staging, first_line, is_parquet
from ingest.mapping import Mapping, quoted

_NAME: Final = "context"
_CHECKED: Final = f"{OURS}.checked"  # days and places
_KEYS: Final = ("day", *SIDES)
_NEEDED: Final = ("day", "country")
_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBERS: Final = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|BOOLEAN|DECIMAL.*)")
_AS_FILE: Final = Mapping(source=_NAME, currency="EUR")  # has no sections: it is read as it is
_PLACE: Final = Place(EVENT_NAMES)
_SIDES: Final[tuple[Read, Read, Read]] = (
    _PLACE.side("country"),
    _PLACE.side("region"),
    _PLACE.side("city"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A table of context that was checked.

    `table` is to be registered as `context` where features are computed: `day` (since 1970),
    `country`, `region`, `city` (empty: all of it), and a column for each of `features`.
    """

    path: Path
    digest: str  # of the file
    table: pa.Table
    features: tuple[Feature, ...]

    @classmethod
    def of(cls, settings: Settings) -> Context | None:
        """Read the table of the settings; None where they name none.

        Raises:
            DataError: The file is not there or breaks what is said above: which line, and how.
        """
        return cls.read(settings.home / settings.context) if settings.context else None

    @classmethod
    def read(cls, path: Path) -> Context:
        """Read a CSV or Parquet file.

        Raises:
            DataError: The file is not there or breaks what is said above: which line, and how.
        """
        try:
            with Staging(path, {_NAME: path}) as staging:
                staging.open_inputs(_AS_FILE)
                reader = _Reader(staging, path)
                columns = reader.columns()
                reader.check_rows()
                values = {name: reader.value(name) for name in columns}
                table = reader.table({name: value for name, (value, _) in values.items()})
        except duckdb.Error as error:  # damage within a Parquet file shows when it is read
            raise DataError(f"context file {path} cannot be read: {first_line(error)}") from None
        features = tuple(_feature(name, is_text=is_text) for name, (_, is_text) in values.items())
        return cls(path=path, digest=file_digest(path), table=table, features=features)

    def surroundings(self) -> Surroundings:
        """Return the rows as the stream looks them up."""
        return {
            tuple(row.pop(key) for key in _KEYS): {
                name: value for name, value in row.items() if value is not None
            }
            for row in self.table.to_pylist()
        }


def _feature(name: str, *, is_text: bool) -> Feature:
    return Feature(
        name=f"{_NAME}_{name}",
        value=Around(f"{_NAME}_{name}", is_text, _SIDES),
        unit="as given",
        description=f"{name} in the context of the customer's last known place on that day.",
        default="" if is_text else 0.0,
        personal_data=True,  # what the weather was tells where somebody is
    )


class _Reader:
    """Checks a file that a staging database has open."""

    def __init__(self, staging: Staging, path: Path) -> None:
        self._db, self._rows, self._path = staging.db, staging.rows, path
        self._row = "row" if is_parquet(path) else "line"
        found = staging.rows(f"SELECT column_name, column_type FROM (DESCRIBE {_NAME})")
        self._types = {str(name): str(kind) for name, kind in found if name != "_row"}

    def columns(self) -> list[str]:
        """Return the columns that become features, after a look at all of them."""
        names = [*self._types]
        for name in _NEEDED:
            if name not in names:
                raise self._error(f"there is no column {name!r} among {', '.join(names)}. Add it")
        for name in names:
            if not _PLAIN.fullmatch(name):
                raise self._error(
                    f"the column {name!r} cannot name a feature: it is no plain name. Rename it: "
                    "a small letter first, then small letters, digits and _"
                )
        if not (found := [name for name in names if name not in _KEYS]):
            raise self._error(
                f"there is no column besides {', '.join(names)}. Add one for each feature"
            )
        return found

    def check_rows(self) -> None:
        """Make the table `checked` of days and places, after a look at every row."""
        for line, reason in self._rows(f"SELECT _row, reason FROM {OURS}.rejects ORDER BY 1"):
            raise self._error(f"{self._row} {line}: {reason}. Mend or remove it")
        texts = {
            side: f"coalesce(trim({side}::VARCHAR), '')" if side in self._types else "''"
            for side in SIDES
        }
        sides = ", ".join(f"{text} AS {side}" for side, text in texts.items())
        self._db.execute(
            f"CREATE TABLE {_CHECKED} AS SELECT _row, {sides}, trim(day::VARCHAR) AS written,"
            rf" CASE WHEN regexp_matches(written, '^\d{{4}}-\d{{2}}-\d{{2}}( 00:00:00)?$')"
            f" THEN try_cast(left(written, 10) AS DATE) END AS day FROM {_NAME}"
        )
        for line, written in self._rows(
            f"SELECT _row, written FROM {_CHECKED} WHERE day IS NULL ORDER BY 1 LIMIT 1"
        ):
            raise self._error(
                f"{self._row} {line}: the day {written or ''!r} is no date. Write it as 2024-03-01"
            )
        for (line,) in self._rows(
            f"SELECT _row FROM {_CHECKED} WHERE country = '' ORDER BY 1 LIMIT 1"
        ):
            raise self._error(f"{self._row} {line} has no country. Every row needs one")
        for day, *place, first, second in self._rows(
            f"SELECT {', '.join(_KEYS)}, min(_row), max(_row) FROM {_CHECKED} GROUP BY ALL"
            " HAVING count(*) > 1 ORDER BY 5 LIMIT 1"
        ):
            where = ", ".join(side for side in place if side)
            raise self._error(
                f"{self._row}s {first} and {second} are both for {where} on {day}. Keep one of them"
            )

    def value(self, name: str) -> tuple[str, bool]:
        """Return how SQL gets the values of a column, null where there are none; whether texts."""
        kind, text = self._types[name], f"nullif(trim({quoted(name)}::VARCHAR), '')"
        if kind != "VARCHAR" and not _NUMBERS.fullmatch(kind):
            raise self._error(f"{name} is a {kind}. Make it numbers or texts")
        if kind != "VARCHAR":
            return self._number(name), False
        return (text, True) if is_parquet(self._path) else self._guessed(name, text)

    def _number(self, name: str) -> str:
        number = f"try_cast({quoted(name)} AS DOUBLE)"
        for (line,) in self._rows(
            f"SELECT _row FROM {_NAME} WHERE isinf({number}) ORDER BY 1 LIMIT 1"
        ):
            raise self._error(f"{self._row} {line}: {name} is infinite. Leave it empty")
        return f"CASE WHEN NOT isnan({number}) THEN {number} END"

    def _guessed(self, name: str, text: str) -> tuple[str, bool]:
        """Return how to get a column of a CSV file: whose types are what all its values can be."""
        number = f"try_cast({text} AS DOUBLE)"
        truth = f"CASE lower({text}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END::DOUBLE"
        filled, numbers, truths = self._rows(
            f"SELECT count({text}), count({number}), count({truth}) FROM {_NAME}"
        )[0]
        if filled == numbers:
            return self._number(name), False
        if numbers:
            self._refuse_mixed(name, text, number)
        return (truth, False) if filled == truths else (text, True)

    def table(self, values: Named[str, str]) -> pa.Table:
        """Return days, places and values, in their order."""
        columns = "".join(f", {value} AS {_NAME}_{name}" for name, value in values.items())
        return self._db.sql(
            "SELECT date_diff('day', DATE '1970-01-01', checked.day) AS day,"
            f" {', '.join(f'checked.{side}' for side in SIDES)}{columns}"
            f" FROM {_NAME} JOIN {_CHECKED} AS checked USING (_row) ORDER BY ALL"
        ).to_arrow_table()

    def _refuse_mixed(self, name: str, text: str, number: str) -> None:
        """Refuse a column of numbers and texts: one of them is a mistake."""
        (first, one), (second, other) = (
            self._rows(
                f"SELECT _row, {text} FROM {_NAME} WHERE {text} IS NOT NULL"
                f" AND {number} IS {what} ORDER BY 1 LIMIT 1"
            )[0]
            for what in ("NOT NULL", "NULL")
        )
        raise self._error(
            f"{name} has numbers ({one!r} in line {first}) and texts ({other!r} in line {second})."
            " Write one or the other; leave empty what is not known"
        )

    def _error(self, text: str) -> DataError:
        return DataError(
            f"context file {self._path}: {text} (docs/how-to/add-weather-or-holidays.md)."
        )
