from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import DataError
from core.settings import Settings
from features.context import Context
from features.feature import checked, names
from features.registry import REGISTRY

HEAD = "day,country,region,city,degrees,sky\n"
FIRST_DAY = (date(2024, 3, 1) - date(1970, 1, 1)).days


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "weather.csv"


def test_every_further_column_is_a_feature_of_numbers_or_texts(csv: Path) -> None:
    csv.write_text(
        "day,country,city,degrees,sky,holiday\n"
        "2024-03-02,DE, Berlin ,-3.5, grey ,true\n"
        "2024-03-01,DE,,,,False\n"
        "2024-03-01,FR,,1e1,sun,\n"
    )

    context = Context.read(csv)

    assert names(context.features) == ["context_degrees", "context_sky", "context_holiday"]
    assert [one.default for one in context.features] == [0.0, "", 0.0]
    assert all(one.personal_data for one in context.features)
    assert checked((*REGISTRY, *context.features))
    assert context.table.to_pylist() == [
        dict(
            zip(
                ("day", "country", "region", "city", *names(context.features)),
                row,
                strict=True,
            )
        )
        for row in (
            (FIRST_DAY, "DE", "", "", None, None, 0.0),
            (FIRST_DAY, "FR", "", "", 10.0, "sun", None),
            (FIRST_DAY + 1, "DE", "", "Berlin", -3.5, "grey", 1.0),
        )
    ]
    assert context.surroundings() == {
        (FIRST_DAY, "DE", "", ""): {"context_holiday": 0.0},
        (FIRST_DAY, "FR", "", ""): {"context_degrees": 10.0, "context_sky": "sun"},
        (FIRST_DAY + 1, "DE", "", "Berlin"): {
            "context_degrees": -3.5,
            "context_sky": "grey",
            "context_holiday": 1.0,
        },
    }


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(pa.array(["2024-03-01"] * 2), id="text"),
        pytest.param(pa.array([date(2024, 3, 1)] * 2), id="date"),
        pytest.param(pa.array([date(2024, 3, 1)] * 2).cast(pa.timestamp("ns")), id="timestamp"),
    ],
)
def test_columns_of_parquet_are_of_the_type_they_have(tmp_path: Path, day: pa.Array) -> None:
    table = pa.table(
        {
            "day": day,
            "country": ["DE", "FR"],
            "degrees": [1.5, float("nan")],
            "holiday": [True, None],
            "stations": pa.array([3, None], pa.int16()),
            "zone": ["07", "8"],
            "name": pa.array(["x", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, path := tmp_path / "weather.parquet")

    assert [tuple(row.values()) for row in Context.read(path).table.to_pylist()] == [
        (FIRST_DAY, "DE", "", "", 1.5, 1.0, 3.0, "07", "x"),
        (FIRST_DAY, "FR", "", "", None, None, None, "8", None),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "country,degrees\nDE,1\n", "no column 'day' among country, degrees", id="no-day"
        ),
        pytest.param("day,degrees\n2024-03-01,1\n", "no column 'country' among", id="no-country"),
        pytest.param(
            "day,country\n2024-03-01,DE\n", "no column besides day, country", id="nothing"
        ),
        pytest.param("day,country,Max Temp\n", "'Max Temp' cannot name a feature", id="name"),
        pytest.param("", "is empty", id="empty"),
        pytest.param(
            HEAD + "2024-02-30,DE,,,1,x\n", "line 2: the day '2024-02-30' is no", id="day"
        ),
        pytest.param(HEAD + "\n,DE,,,1,x\n", "line 3: the day '' is no date", id="no-day-given"),
        pytest.param(HEAD + "01/03/2024,DE,,,1,x\n", "Write it as 2024-03-01", id="other-date"),
        pytest.param(HEAD + "2024-03-01 12:00:00,DE,,,1,x\n", "is no date", id="noon"),
        pytest.param(HEAD + "2024-03-01,,BE,,1,x\n", "line 2 has no country", id="country"),
        pytest.param(
            HEAD + "2024-03-01,DE,,Ulm,1,x\n2024-03-01,FR,,,1,x\n2024-03-01,DE,,Ulm ,2,x\n",
            "lines 2 and 4 are both for DE, Ulm on 2024-03-01. Keep one",
            id="twice",
        ),
        pytest.param(
            HEAD + "2024-03-01,DE,,,1,x\n2024-03-02,DE,,,cold,x\n",
            r"degrees has numbers \('1' in line 2\) and texts \('cold' in line 3\)",
            id="mixed",
        ),
        pytest.param(HEAD + "2024-03-01,DE,,,inf,x\n", "degrees is infinite", id="infinite"),
        pytest.param(HEAD + "2024-03-01,DE,,,1\n", "line 2: malformed line: missing", id="short"),
    ],
)
def test_bad_input_is_one_line_that_names_file_and_fault(csv: Path, text: str, says: str) -> None:
    csv.write_text(text)

    with pytest.raises(DataError, match=says) as caught:
        Context.read(csv)

    assert f"context file {csv}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    table = pa.table({"day": ["2024-03-01"], "country": ["DE"], "hours": [[1, 2]]})
    pq.write_table(table, path := tmp_path / "weather.parquet")

    with pytest.raises(DataError, match=r"hours is a BIGINT\[\]. Make it numbers or texts"):
        Context.read(path)


@pytest.mark.parametrize("where", [4, -40])
def test_a_damaged_file_is_one_line(tmp_path: Path, where: int) -> None:
    table = pa.table({"day": ["2024-03-01"] * 99, "country": list(map(str, range(99)))})
    pq.write_table(table.append_column("x", [range(99)]), path := tmp_path / "weather.parquet")
    whole = bytearray(path.read_bytes())
    whole[where : where + 30] = b"\xff" * 30
    path.write_bytes(whole)

    with pytest.raises(DataError, match=r"context file .*weather\.parquet cannot be read"):
        Context.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"context file .*nowhere\.csv does not exist"):
        Context.of(Settings(home=tmp_path, context="nowhere.csv"))


def test_the_path_is_relative_to_the_workspace_or_absolute(tmp_path: Path, csv: Path) -> None:
    csv.write_text(HEAD + "2024-03-01,DE,,,1,x\n")

    relative = Context.of(Settings(home=tmp_path, context="weather.csv"))
    absolute = Context.of(Settings(home=tmp_path / "var", context=str(csv)))

    assert relative
    assert absolute
    assert relative.digest == absolute.digest
    assert Context.of(Settings(home=tmp_path)) is None


def test_the_digest_is_that_of_the_content(csv: Path) -> None:
    csv.write_text(HEAD + "2024-03-01,DE,,,1,x\n")
    before = Context.read(csv)
    csv.write_text(HEAD + "2024-03-01,DE,,,2,x\n")
    after = Context.read(csv)

    assert before.digest != after.digest
    assert before.features == after.features
