from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from core.errors import DataError, MissingColumnsError, NotEnoughDataError
from models.evaluation import evaluate
from models.popularity import Popularity
from pipelines.cli import app
from pipelines.commands import scoring  # noqa: F401  # registers `evaluate`
from pipelines.evaluate_recommender import evaluate_recommender, read_interactions, split_of

GOWALLA = Path(__file__).resolve().parents[3] / "shared" / "data" / "gowalla"

# Three users and five items; item 0 has three users, item 1 two, the others one or none.
TRAIN = "a 0 1 2\nb 0 1\nc 0\n"
TEST = "a 3\nb 2 4\nc 1 3\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text(TRAIN)
    test.write_text(TEST)
    return train, test


def test_popularity_is_as_worked_out_by_hand(files: tuple[Path, Path]) -> None:
    outcome = evaluate_recommender(train=files[0], test=files[1], k=1, trials=0)

    # Unseen and sold, best first: a: nothing; b: 2, a hit of two targets; c: 1, a hit of two.
    popularity = outcome.data["models"]["popularity"]
    assert popularity["recall"] == pytest.approx((0 + 0.5 + 0.5) / 3)
    assert popularity["ndcg"] == pytest.approx(2 / 3)
    assert (outcome.data["users"], outcome.data["items"]) == (3, 5)


def test_formats_say_the_same(files: tuple[Path, Path], tmp_path: Path) -> None:
    plain = read_interactions(files[0])
    packed = tmp_path / "train.txt.gz"
    packed.write_bytes(gzip.compress(TRAIN.encode()))
    plain[["user", "item"]].to_csv(tmp_path / "train.csv", index=False)
    plain[["user", "item"]].astype({"item": int}).to_parquet(tmp_path / "train.parquet")

    for path in (packed, tmp_path / "train.csv", tmp_path / "train.parquet"):
        pd.testing.assert_frame_equal(read_interactions(path), plain)


def test_times_make_the_last_30_days_popular(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(
        "user,item,time\n"
        "a,old,2017-01-01\nb,old,2017-01-02\nc,old,2017-01-03\nd,new,2017-11-30T12:00:00Z\n"
    )
    test = pd.DataFrame({"user": ["a"], "item": ["new"], "weight": 1.0, "time": np.nan})

    split = split_of(read_interactions(path), test)

    assert split.assortment.product_ids.tolist() == ["new", "old"]
    assert split.assortment.sold.tolist() == [1, 0]
    assert split.assortment.sold_ever.tolist() == [1, 3]


def test_items_of_the_training_file_are_no_targets(tmp_path: Path) -> None:
    train = pd.DataFrame({"user": ["a", "a"], "item": ["x", "y"], "weight": 1.0, "time": np.nan})
    test = pd.DataFrame({"user": ["a", "b"], "item": ["x", "z"], "weight": 1.0, "time": np.nan})

    assert split_of(train, test).targets.sum() == 0


def test_tuning_does_not_look_at_the_test_file(tmp_path: Path, files: tuple[Path, Path]) -> None:
    generator = np.random.default_rng(2)
    train = tmp_path / "many.txt"
    rows = [
        generator.choice(range(40 * (u % 2), 40 * (u % 2) + 40), 12, replace=False)
        for u in range(60)
    ]
    train.write_text("".join(f"{u} {' '.join(map(str, row))}\n" for u, row in enumerate(rows)))
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("0 77\n")
    other.write_text("5 3\n6 50\n")

    found = [evaluate_recommender(train=train, test=test, k=5, trials=2) for test in (one, other)]

    assert found[0].data["als"] == found[1].data["als"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", "", "no interactions"),
        ("x.csv", "user,product\na,b\n", "item"),
        ("x.csv", "user,item,time\na,b,yesterday\n", "time"),
        ("x.csv", "user,item,weight\na,b,-1\n", "weight"),
        ("x.csv", "user,item,weight\na,b,1\nc,d,\n", "weight"),  # a gap
        ("x.csv", "", "cannot be read"),
        ("x.parquet", "garbage", "cannot be read"),
        ("x.json", "{}", "neither"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content)

    with pytest.raises(DataError, match=message):
        read_interactions(path)


def test_a_missing_file_a_missing_column_and_no_common_user_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read_interactions(tmp_path / "nowhere.csv")
    (tmp_path / "x.csv").write_text("user,product\na,b\n")
    with pytest.raises(MissingColumnsError) as caught:
        read_interactions(tmp_path / "x.csv")
    assert caught.value.missing == ("item",)
    one = pd.DataFrame({"user": ["a"], "item": ["x"], "weight": 1.0, "time": np.nan})
    with pytest.raises(NotEnoughDataError, match="no user"):
        split_of(one, one.assign(user="b"))


def test_the_command_prints_one_line_of_json(files: tuple[Path, Path]) -> None:
    arguments = ["evaluate", "recommender", "--train", str(files[0]), "--test", str(files[1])]

    result = CliRunner().invoke(app, [*arguments, "--k", "2", "--json"])

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert set(answer["models"]) == {"popularity", "als", "item-knn", "blend"}
    assert answer["k"] == 2


@pytest.mark.skipif(not GOWALLA.is_dir(), reason="shared/data/gowalla is not there")
def test_popularity_on_gowalla_is_as_published() -> None:
    split = split_of(
        read_interactions(GOWALLA / "train.txt.gz"), read_interactions(GOWALLA / "test.txt.gz")
    )

    got = evaluate(Popularity(split.assortment), split.purchases, split.targets, k=20, scope="new")

    assert len(got.recall) == 29_858
    assert got.recall.mean() == pytest.approx(0.0416, abs=5e-5)
    assert got.ndcg.mean() == pytest.approx(0.0317, abs=5e-5)
