from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import DataError, MissingColumnsError, NotEnoughDataError, SendwiseError
from models.evaluation import evaluate
from models.popularity import Popularity
from pipelines import evaluate_recommender as module
from pipelines.cli import app
from pipelines.commands import scoring  # noqa: F401  # registers `evaluate`
from pipelines.evaluate_recommender import HABITS, evaluate_recommender
from pipelines.interaction_files import read_interactions
from pipelines.interaction_split import split_of
from pipelines.outcome import Outcome

GOWALLA = Path(__file__).resolve().parents[3] / "shared" / "data" / "gowalla"

# Three users and five items; item 0 has three users, item 1 two, the others one or none.
TRAIN = "a 0 1 2\nb 0 1\nc 0\n"
TEST = "a 3\nb 2 4\nc 1 3\n"

BEFORE = """user,item,time
ann,milk,2017-01-01
ann,milk,2017-02-01
ann,tea,2017-02-01
bob,milk,2017-01-10
bob,wine,2017-02-02
eve,wine,2017-02-01
eve,wine,2017-02-03
eve,tea,2017-02-03
"""
LATER = """user,item,time
ann,milk,2017-02-10
ann,wine,2017-02-10
bob,tea,2017-02-11
eve,wine,2017-02-12
dan,wine,2017-02-13
"""


def evaluated(folder: Path, train: str, test: str, *, kind: str = "csv", k: int = 1) -> Outcome:
    paths = [folder / f"{name}.{kind}" for name in ("train", "test")]
    for path, text in zip(paths, (train, test), strict=True):
        path.write_text(text)
    return evaluate_recommender(train=paths[0], test=paths[1], k=k, trials=0)


def test_popularity_is_as_worked_out_by_hand(tmp_path: Path) -> None:
    outcome = evaluated(tmp_path, TRAIN, TEST, kind="txt")

    # Unseen and sold, best first: a: nothing; b: 2, a hit of two targets; c: 1, a hit of two.
    popularity = outcome.data["models"]["popularity"]
    assert popularity["recall"] == pytest.approx((0 + 0.5 + 0.5) / 3)
    for name in ("ndcg", "mrr", "hit_rate", "map"):
        assert popularity[name] == pytest.approx(2 / 3)
    assert popularity["coverage"] == pytest.approx(2 / 5)
    assert popularity["novelty"] == pytest.approx((np.log2(3) + np.log2(3 / 2)) / 2)
    assert (outcome.data["users"], outcome.data["items"]) == (3, 5)


def test_one_ranking_gives_every_length_up_to_k(tmp_path: Path) -> None:
    lengths = evaluated(tmp_path, TRAIN, TEST, kind="txt", k=10).data["models"]["popularity"]

    new = lengths["scopes"]["new"]
    assert list(new["with_history"]) == list(new["lists"]) == ["5", "10"]
    assert new["with_history"]["10"]["recall"] == pytest.approx(lengths["recall"])
    assert new["with_history"]["5"]["users"] == 3


def test_what_is_taken_again_is_measured_apart_and_habits_are_a_baseline(tmp_path: Path) -> None:
    outcome = evaluated(tmp_path, BEFORE, LATER, k=2)

    rule = outcome.data["models"][HABITS]
    assert list(rule["scopes"]) == ["all", "repeat", "new"]
    # Again: two orders of ann's milk to one of tea, two of eve's wine to one of tea.
    again = rule["scopes"]["repeat"]["with_history"]["2"]
    assert (again["users"], again["ndcg"], again["recall"]) == (2, 1, 1)
    # New: wine for ann, tea for bob: there is nothing else.
    assert rule["scopes"]["new"]["with_history"]["2"]["hit_rate"] == 1
    assert [sheet.columns[1] for sheet in outcome.sheets] == ["recall all", "coverage"]


def test_users_without_history_are_measured_apart_by_what_is_popular(tmp_path: Path) -> None:
    outcome = evaluated(tmp_path, BEFORE, LATER, k=1)

    assert (outcome.data["users"], outcome.data["users_without_history"]) == (3, 1)
    of = {name: each["scopes"]["all"] for name, each in outcome.data["models"].items()}
    assert of["popularity"]["without_history"]["1"]["users"] == 1
    assert of["item-knn"]["without_history"]["1"]["recall"] == 0
    assert any("not in --train: 1, apart" in note for note in outcome.notes)


def test_readers_are_told_what_is_wrong_with_the_files(tmp_path: Path) -> None:
    overlapping = evaluated(tmp_path, BEFORE, LATER.replace("2017-02-10", "2017-01-05"))
    untimed = evaluated(tmp_path, TRAIN, "a 0 3\n", kind="txt")

    assert any("begins before --train ends" in note for note in overlapping.notes)
    assert any("left out: 1." in note for note in untimed.notes)
    assert any("hit them: 1." in note for note in untimed.notes)


def test_what_cannot_be_fitted_is_left_out_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EASE_ITEMS", 3)

    lonely = evaluated(tmp_path, "a 0 1\n", "a 2\n", kind="txt")  # one user
    wide = evaluated(tmp_path, TRAIN, TEST, kind="txt")

    assert list(lonely.data["models"]) == ["popularity", "item-knn", "ease"]
    assert "shared tastes" in lonely.data["skipped"]["als"]
    assert any(note.startswith("No als: ") for note in lonely.notes)
    assert wide.data["skipped"] == {"ease": "it takes at most 3 items."}


def test_lists_longer_than_the_assortment_end_in_empty_places(tmp_path: Path) -> None:
    outcome = evaluated(tmp_path, TRAIN, TEST, kind="txt", k=50)

    # All that is sold is shown; what is left to find are items that only the test file knows.
    assert outcome.data["models"]["popularity"]["recall"] == pytest.approx((0 + 1 / 2 + 1 / 2) / 3)
    assert outcome.data["k"] == 50


def test_tuning_does_not_look_at_the_test_file(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    train = tmp_path / "many.txt"
    rows = [
        generator.choice(range(40 * (u % 2), 40 * (u % 2) + 40), 12, replace=False)
        for u in range(30)
    ]
    train.write_text("".join(f"{u} {' '.join(map(str, row))}\n" for u, row in enumerate(rows)))
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("0 77\n")
    other.write_text("5 3\n6 50\n")

    found = [evaluate_recommender(train=train, test=test, k=5, trials=2) for test in (one, other)]

    for name in ("als", "item_knn", "blend"):
        assert found[0].data[name] == found[1].data[name]


def test_too_little_to_tune_on_keeps_the_defaults_and_says_so(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("a 0 1\nb 0 1\n")
    test.write_text("a 2\n")

    outcome = evaluate_recommender(train=train, test=test, k=2, trials=2)

    assert any(note.startswith("Not tuned: ") for note in outcome.notes)


@pytest.mark.parametrize(
    ("train", "test", "error"),
    [
        pytest.param("user,item\n", "user,item\na,x\n", DataError, id="no-interactions"),
        pytest.param("user,item\na,x\n", "user,item\na,x\n", NotEnoughDataError, id="one-item"),
        pytest.param("user,item\na,x\n", "user,item\nb,y\n", NotEnoughDataError, id="no-user"),
        pytest.param("user,thing\na,x\n", "user,item\na,y\n", MissingColumnsError, id="column"),
    ],
)
def test_files_that_cannot_be_compared_are_one_clear_line(
    tmp_path: Path, train: str, test: str, error: type[SendwiseError]
) -> None:
    with pytest.raises(error) as caught:
        evaluated(tmp_path, train, test)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("k", "trials"), [(0, 0), (-1, 0), (1, -1)])
def test_a_list_has_places_and_trials_are_counted(tmp_path: Path, k: int, trials: int) -> None:
    with pytest.raises(DataError, match="--k must be at least 1"):
        evaluate_recommender(train=tmp_path, test=tmp_path, k=k, trials=trials)


def test_the_command_prints_one_line_of_json_with_columns_of_any_name(tmp_path: Path) -> None:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text(BEFORE.replace("user,item,time", "who,what,at"))
    test.write_text(LATER.replace("user,item,time", "who,what,at"))
    arguments = ["evaluate", "recommender", "--train", str(train), "--test", str(test)]
    names = ["--user-column", "who", "--item-column", "what", "--time-column", "at"]

    result = CliRunner().invoke(app, [*arguments, *names, "--k", "2", "--trials", "0", "--json"])

    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert set(answer["models"]) == {"popularity", HABITS, "als", "item-knn", "ease", "blend"}
    assert answer["k"] == 2
    assert answer["users_without_history"] == 1
    at_2 = answer["models"]["blend"]["scopes"]["new"]["with_history"]["2"]
    assert all(
        at_2[f"{name}_low"] <= at_2[name] <= at_2[f"{name}_high"] for name in ("recall", "ndcg")
    )


@pytest.mark.skipif(not GOWALLA.is_dir(), reason="shared/data/gowalla is not there")
def test_popularity_on_gowalla_is_as_published() -> None:
    split = split_of(
        read_interactions(GOWALLA / "train.txt.gz"), read_interactions(GOWALLA / "test.txt.gz")
    )

    got = evaluate(Popularity(split.assortment), split.purchases, split.targets, k=20, scope="new")

    assert len(got.recall) == 29_858
    assert got.recall.mean() == pytest.approx(0.0416, abs=5e-5)
    assert got.ndcg.mean() == pytest.approx(0.0317, abs=5e-5)
