from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError, MissingColumnsError
from pipelines.interaction_files import Columns, read_interactions

LINES = "a 0 1 2\nb 0 1\n\nc 0\n"


def written(folder: Path, text: str, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_formats_say_the_same(tmp_path: Path) -> None:
    plain = read_interactions(written(tmp_path, LINES, "train.txt"))
    packed = tmp_path / "train.txt.gz"
    packed.write_bytes(gzip.compress(LINES.encode()))
    plain[["user", "item"]].to_csv(tmp_path / "train.csv", index=False)
    plain[["user", "item"]].astype({"item": int}).to_parquet(tmp_path / "train.parquet")

    assert plain["user"].tolist() == ["a", "a", "a", "b", "b", "c"]
    for path in (packed, tmp_path / "train.csv", tmp_path / "train.parquet"):
        pd.testing.assert_frame_equal(read_interactions(path), plain)


def test_columns_of_other_names_say_the_same(tmp_path: Path) -> None:
    usual = written(tmp_path, "user,item,weight,time\na,x,2,2017-01-01\nb,y,1,2017-01-02\n")
    other = written(tmp_path, "who,what,n,at\na,x,2,2017-01-01\nb,y,1,2017-01-02\n", "y.csv")
    named = Columns(user="who", item="what", weight="n", time="at")

    pd.testing.assert_frame_equal(read_interactions(other, named), read_interactions(usual))


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(("1483228800", "1483315200.0"), id="seconds"),
        pytest.param(("2017-01-01", "2017-01-02"), id="days"),
        pytest.param(("2017-01-01T00:00:00Z", "2017-01-02T02:00:00+02:00"), id="with-zone"),
    ],
)
def test_times_are_seconds_in_utc(tmp_path: Path, times: tuple[str, str]) -> None:
    path = written(tmp_path, f"user,item,time\na,x,{times[0]}\nb,y,{times[1]}\n")

    assert read_interactions(path)["time"].tolist() == [1483228800, 1483315200]


def test_what_is_not_in_the_file_is_one_and_unknown(tmp_path: Path) -> None:
    found = read_interactions(written(tmp_path, "user,item\na,x\n"))

    assert found["weight"].tolist() == [1.0]
    assert np.isnan(found["time"]).all()


def test_rows_of_nobody_or_of_nothing_are_left_out(tmp_path: Path) -> None:
    found = read_interactions(written(tmp_path, "user,item\nNA,x\n,x\nb,\n"))

    assert found["user"].tolist() == ["NA"]  # somebody may be called so


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "", "no interactions"),
        ("x.txt", "a\nb\n", "no interactions"),
        ("x.csv", "user,item\n", "no interactions"),
        ("x.csv", "user,product\na,b\n", "item"),
        ("x.csv", "user,item,time\na,b,yesterday\n", "time is neither"),
        ("x.csv", "user,item,time\na,b,2017-01-01\na,c,\n", "time is neither"),
        ("x.csv", "user,item,time\na,b,1483228800\na,c,\n", "time is neither"),
        ("x.csv", "user,item,time\na,b,1483228800000\n", "smaller than seconds"),
        ("x.csv", "user,item,weight\na,b,-1\n", "weight must"),
        ("x.csv", "user,item,weight\na,b,0\n", "weight must"),
        ("x.csv", "user,item,weight\na,b,nan\n", "weight must"),
        ("x.csv", "user,item,weight\na,b,inf\n", "weight must"),
        ("x.csv", "user,item,weight\na,b,many\n", "weight must"),
        ("x.csv", "user,item,weight\na,b,1\nc,d,\n", "weight must"),  # a gap
        ("x.csv", "", "cannot be read"),
        ("x.parquet", "garbage", "cannot be read"),
        ("x.txt.gz", "garbage", "cannot be read"),
        ("x.json", "{}", "neither"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = written(tmp_path, content, name)

    with pytest.raises(DataError, match=message) as caught:
        read_interactions(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*nowhere\.csv"):
        read_interactions(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (Columns(user="who"), "who"),
        (Columns(item="what"), "what"),
        (Columns(weight="n"), "n"),
        (Columns(time="at"), "at"),
    ],
)
def test_a_column_that_is_named_has_to_be_there(
    tmp_path: Path, columns: Columns, missing: str
) -> None:
    with pytest.raises(MissingColumnsError, match="--time-column") as caught:
        read_interactions(written(tmp_path, "user,item\na,x\n"), columns)

    assert caught.value.missing == (missing,)


def test_lightgcn_text_has_no_times_to_name(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError):
        read_interactions(written(tmp_path, LINES, "x.txt"), Columns(time="at"))
