from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.errors import ConfigError
from core.settings import Settings
from pipelines.cli import app
from pipelines.list_models import list_models
from tests.pipelines.contests import WAITS, WINS, contest, run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    return Settings(home=with_mlflow(tmp_path_factory.mktemp("shop")))


def test_models_are_listed_with_alias_metric_and_cutoff(shop: Settings) -> None:
    run(shop, "listed")

    listed = list_models(shop)

    (row,) = (row for row in listed.rows if row[0] == "listed")
    assert row[1:8] == ["1", "champion", "new", "auc", 0.8, "", "2017-12-01"]


def test_the_value_has_its_interval_where_there_is_one(shop: Settings) -> None:
    sure = replace(contest(WINS).candidate, intervals={"auc": (0.75, 0.85)})
    run(shop, "sure", fit=lambda _: replace(contest(WINS), candidate=sure))

    listed = list_models(shop)

    (row,) = (row for row in listed.rows if row[0] == "sure")
    (entry,) = (one for one in listed.data["models"] if one["model"] == "sure")  # type: ignore[attr-defined]
    assert row[5:7] == [0.8, "0.7500 to 0.8500"]
    assert (entry["low"], entry["high"]) == (0.75, 0.85)
    assert entry["verdict"] == "beats the baseline"


def test_nothing_registered_is_said_kindly(tmp_path: Path) -> None:
    assert "sendwise train" in str(list_models(Settings(home=tmp_path)).notes[0])


def test_the_commands_promote_and_roll_back(shop: Settings) -> None:
    run(shop, "moved")
    run(shop, "moved", verdict=WAITS, digest="other data")
    command = ["--home", str(shop.home), "models", "--json"]

    promoted = CliRunner().invoke(app, [*command, "--promote", "moved", "2"])
    back = CliRunner().invoke(app, [*command, "--rollback", "moved"])
    wrong = CliRunner().invoke(app, [*command, "--rollback", "hamsters"])
    both = CliRunner().invoke(app, [*command, "--rollback", "moved", "--promote", "moved", "1"])

    assert promoted.exception is None, promoted.output
    aliases = [json.loads(one.stdout)["models"][0]["aliases"] for one in (promoted, back)]
    assert aliases == [["champion"], []]
    assert isinstance(wrong.exception, ConfigError)
    assert isinstance(both.exception, ConfigError)


def test_the_help_asks_for_no_restart_of_the_service() -> None:
    helped = " ".join(CliRunner().invoke(app, ["models", "--help"]).stdout.split())

    assert "within a second" in helped
    assert "start the service again" not in helped
