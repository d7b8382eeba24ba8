"""The training flow on a real MLflow in SQLite, with small models and a shop of three kinds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.errors import ConfigError, NotEnoughDataError, NotReadyError, SendwiseError
from core.settings import Settings
from models import registry, tracking
from models.bundles import LoadedModel
from pipelines.training import Contest, train_model
from tests.pipelines.contests import AS_OF, LOSES, WAITS, WINS, contest, run
from tests.small_shop import write_lake


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    home = with_mlflow(tmp_path_factory.mktemp("shop"))
    write_lake(home)
    return Settings(home=home)


def test_the_first_winner_is_registered_and_becomes_champion(shop: Settings) -> None:
    got = run(shop, "first")

    assert (got["version"], got["alias"], got["winner"]) == ("1", "champion", "new")
    assert registry.champion(shop, "first").meta["contender"] == "new"


def test_a_winning_baseline_is_registered_itself(shop: Settings) -> None:
    got = run(shop, "simple", verdict=LOSES)

    assert (got["winner"], got["alias"]) == ("rule", "champion")
    assert registry.champion(shop, "simple").meta["contender"] == "rule"


def test_the_same_inputs_again_are_unchanged_and_not_fitted(shop: Settings) -> None:
    def never(_: LoadedModel | None) -> Contest:
        raise AssertionError("fitted again")

    first = run(shop, "same")
    again = run(shop, "same", fit=never)

    assert first.pop("status") == "done"
    assert again.pop("status") == "unchanged"
    assert again == first


def test_the_champion_is_shown_to_the_next_training_and_stays_when_better(shop: Settings) -> None:
    seen: list[LoadedModel | None] = []

    def fit(champion: LoadedModel | None) -> Contest:
        seen.append(champion)
        return contest(WAITS if champion else WINS)

    run(shop, "stays", fit=fit)
    got = run(shop, "stays", fit=fit, digest="other data")

    assert [champion and champion.version for champion in seen] == [None, "1"]
    assert (got["version"], got["alias"]) == ("2", "challenger")
    assert registry.champion(shop, "stays").version == "1"


def test_the_run_that_mlflow_opened_for_an_unchanged_training_says_so(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shop, "told")
    with tracking.server(shop) as client:
        parent = client.create_run("0").info.run_id  # in MLflow's `Default`
    monkeypatch.setenv("MLFLOW_TRACKING_URI", shop.mlflow_uri)
    monkeypatch.setenv("MLFLOW_RUN_ID", parent)

    assert run(shop, "told")["status"] == "unchanged"

    with tracking.server(shop) as client:
        assert client.get_run(parent).data.tags["sendwise.unchanged"] == "told v1"


def test_a_dry_run_is_tracked_but_registers_nothing(shop: Settings) -> None:
    got = run(shop, "dry", register=False)

    assert (got["version"], got["alias"]) == (None, None)
    assert registry.versions(shop, "dry") == []


def test_a_training_that_has_too_little_data_leaves_no_version_and_no_run(shop: Settings) -> None:
    def breaks(_: LoadedModel | None) -> Contest:
        raise NotEnoughDataError("too little")

    with pytest.raises(NotEnoughDataError):
        run(shop, "breaks", fit=breaks)

    assert registry.versions(shop, "breaks") == []
    with tracking.server(shop) as client:
        experiments = [each.experiment_id for each in client.search_experiments()]
        assert not client.search_runs(experiments, "tags.model = 'breaks'")
    assert run(shop, "breaks")["version"] == "1"


@pytest.mark.parametrize(
    ("what", "as_of", "error", "says"),
    [
        pytest.param("hamsters", AS_OF, ConfigError, "no model 'hamsters'", id="unknown-model"),
        pytest.param(
            "clusters",
            datetime(2016, 1, 1, tzinfo=UTC),
            NotEnoughDataError,
            "orders begin 2017-10-01",
            id="before-the-first-event",
        ),
        pytest.param(
            "clusters",
            datetime(2017, 10, 2, tzinfo=UTC),
            NotEnoughDataError,
            "customers who ordered, 200 are needed",
            id="too-few-customers",
        ),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    shop: Settings, what: str, as_of: datetime, error: type[SendwiseError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        train_model(shop, what, as_of=as_of, trials=0)

    assert "\n" not in str(caught.value)


def test_an_empty_workspace_says_to_import_first(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        train_model(Settings(home=tmp_path), "clusters", as_of=AS_OF, trials=0)
