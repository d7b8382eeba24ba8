from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.errors import NotEnoughDataError, NotReadyError
from core.settings import Settings
from models.sufficiency import MODELS
from pipelines.cli import app
from pipelines.doctor import examine
from pipelines.outcome import Outcome
from pipelines.training import train_model
from tests.small_shop import GRANTED_US, agree, write_lake

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    home = with_mlflow(tmp_path_factory.mktemp("shop"))
    write_lake(home)
    return Settings(home=home)


def by_model(outcome: Outcome) -> dict[str, dict[str, Any]]:
    models = outcome.data["models"]
    assert isinstance(models, list)
    return {one["model"]: one for one in models}


def test_every_model_has_its_needs_what_there_is_and_what_is_used(shop: Settings) -> None:
    outcome = examine(shop, as_of=AS_OF)

    found = by_model(outcome)
    assert list(found) == list(MODELS)
    enough = {name for name, one in found.items() if one["enough"]}
    assert enough == {"clusters", "recommender"}
    assert found["value"]["needs"][0] == {
        "what": "customers who ordered",
        "at_least": 500,
        "has": 299,
        "met": False,
    }
    assert found["value"]["instead"].startswith("what a customer has spent so far")
    assert found["clusters"]["why"] is None
    assert ["value", "too little", "500 customers who ordered", 299] in outcome.rows
    (used,) = outcome.sheets
    assert ["recommender", "nothing yet: `sendwise train recommender`"] in used.rows
    assert "Left out, without consent to model_training: 1." in outcome.notes


@pytest.mark.parametrize("model", ["propensity", "recommender", "clusters"])
def test_training_refuses_with_the_same_words(shop: Settings, model: str) -> None:
    early = datetime(2017, 10, 3, tzinfo=UTC)
    said = by_model(examine(shop, as_of=early))[model]["why"]

    with pytest.raises(NotEnoughDataError) as caught:
        train_model(shop, model, as_of=early, trials=0)

    assert str(caught.value) == said
    assert said in examine(shop, as_of=early).notes


def test_a_minimum_that_is_set_higher_holds_for_both(shop: Settings) -> None:
    strict = shop.model_copy(update={"least_to_cluster": 1_000})

    assert not by_model(examine(strict, as_of=AS_OF))["clusters"]["enough"]
    with pytest.raises(NotEnoughDataError, match="1,000 are needed"):
        train_model(strict, "clusters", as_of=AS_OF, trials=0)


def test_it_is_said_where_consent_lacks_and_not_data(tmp_path: Path) -> None:
    write_lake(tmp_path)
    agree(tmp_path, (f"c{n}" for n in range(150)), granted=False, at_us=GRANTED_US + 1)

    outcome = examine(Settings(home=tmp_path), as_of=AS_OF)

    assert not by_model(outcome)["clusters"]["enough"]
    (note,) = [note for note in outcome.notes if note.startswith("It is consent that lacks")]
    assert "clusters" in note
    assert "value" not in note  # too little of everybody
    assert any("(150 of 300 customers)" in note for note in outcome.notes)


def test_nobody_asked_is_said_as_training_says_it(tmp_path: Path) -> None:
    write_lake(tmp_path)
    (tmp_path / "events.db").unlink()
    settings = Settings(home=tmp_path)

    whys = {one["why"] for one in by_model(examine(settings, as_of=AS_OF)).values()}

    with pytest.raises(NotEnoughDataError) as caught:
        train_model(settings, "clusters", as_of=AS_OF, trials=0)
    assert whys == {str(caught.value)}


def test_a_champion_of_before_is_what_is_used(shop: Settings) -> None:
    train_model(shop, "clusters", as_of=AS_OF, trials=0)

    now, before = (
        next(row for row in examine(shop, as_of=at).sheets[0].rows if row[0] == "clusters")
        for at in (AS_OF, datetime(2017, 10, 3, tzinfo=UTC))
    )

    assert now[1] == "champion v1"
    assert before[1] == "champion v1, trained before"


def test_the_command_ends_well_whatever_it_finds(shop: Settings) -> None:
    command = ["--home", str(shop.home), "doctor", "--as-of", "2017-12-01"]

    table, line = (CliRunner().invoke(app, [*command, *more]) for more in ([], ["--json"]))

    assert (table.exit_code, line.exit_code) == (0, 0)
    assert "too little" in table.stdout
    assert json.loads(line.stdout)["learnt_from"] == 299


def test_without_an_import_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        examine(Settings(home=tmp_path), as_of=AS_OF)
