"""The training flow on a real MLflow in SQLite, with small models and a shop of three kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.errors import ConfigError, NotEnoughDataError, NotReadyError, SendwiseError
from core.settings import Settings
from models import registry, tracking
from models.bundles import LoadedModel
from models.clusters import Cluster, Clusters, QuantileScale
from models.gate import Verdict
from pipelines.cli import app
from pipelines.list_models import list_models
from pipelines.training import Contender, Contest, LearntFrom, finish, train_model
from tests.small_shop import write_lake

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_mlflow_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("shop")
    write_lake(home)
    return Settings(home=home)


def model() -> Clusters:
    return Clusters(
        features=("orders_90d",),
        scale=QuantileScale.fit(np.arange(100.0)[:, None], np.array([1.0])),
        centres=np.array([[0.8], [0.2]]),
        clusters=(
            Cluster(label=0, name="Frequent", traits=("frequent",), share=0.5),
            Cluster(label=1, name="Occasional", traits=("occasional",), share=0.5),
        ),
    )


def contest(verdict: Verdict) -> Contest:
    return Contest(
        candidate=Contender(name="new", model=model(), metrics={"auc": 0.8, "ece": 0.01}),
        baselines=[Contender(name="rule", model=model(), metrics={"auc": 0.7, "recall@5": 0.2})],
        headline="auc",
        verdict=verdict,
        slice="ten customers",
        purpose="Says something.",
    )


WINS = Verdict(promote=True, winner="candidate", why="beats the baseline")
LOSES = Verdict(promote=True, winner="baseline", why="does not beat the baseline for sure")
WAITS = Verdict(promote=False, winner="candidate", why="does not replace the champion")


def run(
    settings: Settings,
    name: str,
    *,
    verdict: Verdict = WINS,
    register: bool = True,
    digest: str = "d",
    fit: Callable[[LoadedModel | None], Contest] | None = None,
) -> dict[str, object]:
    outcome = finish(
        settings,
        data=LearntFrom(name=name, as_of=AS_OF, digest=digest, cutoffs=[AS_OF], rows=10),
        params={"trials": 2},
        fit=fit or (lambda _: contest(verdict)),
        register=register,
    )
    return {"status": outcome.status, **outcome.data}


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


def test_a_dry_run_is_tracked_but_registers_nothing(shop: Settings) -> None:
    got = run(shop, "dry", register=False)

    assert (got["version"], got["alias"]) == (None, None)
    assert registry.versions(shop, "dry") == []


def test_a_training_that_fails_leaves_no_version(shop: Settings) -> None:
    def breaks(_: LoadedModel | None) -> Contest:
        raise NotEnoughDataError("too little")

    with pytest.raises(NotEnoughDataError):
        run(shop, "breaks", fit=breaks)

    assert registry.versions(shop, "breaks") == []
    assert run(shop, "breaks")["version"] == "1"


def test_the_run_keeps_metrics_of_all_and_a_card(shop: Settings) -> None:
    run(shop, "kept")

    (version,) = registry.versions(shop, "kept")
    with tracking.server(shop) as client:
        data = client.get_run(version.run_id).data
    assert data.metrics == {
        "auc": 0.8,
        "ece": 0.01,
        "rule.auc": 0.7,
        "rule.recall_at_5": 0.2,
    }
    assert data.tags["verdict"] == "beats the baseline"
    assert "| rule | baseline | 0.7000 |  | 0.2000 |" in tracking.read_text(
        shop, version.run_id, "model_card.md"
    )


def test_clusters_are_trained_from_the_lake_and_named(shop: Settings) -> None:
    outcome = train_model(shop, "clusters", as_of=AS_OF, trials=0)

    assert outcome.data["promoted"] is True
    champion = registry.champion(shop, "clusters").model
    assert isinstance(champion, Clusters)
    traits = [cluster.traits for cluster in champion.clusters]
    assert "big baskets" in traits[0]
    assert any("lapsing" in words or "occasional" in words for words in traits)
    assert train_model(shop, "clusters", as_of=AS_OF, trials=0).status == "unchanged"
    # Nothing that was written about the model names a customer, nor counts who said no.
    assert outcome.data["contenders"]
    folder = shop.home / "bundles" / "models" / "clusters"
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert "@example.test" not in text
    assert '"c7"' not in text
    (version,) = registry.versions(shop, "clusters")
    with tracking.server(shop) as client:
        (entry,) = client.get_run(version.run_id).inputs.dataset_inputs
    assert json.loads(entry.dataset.profile)["rows"] == 299  # 300 but the one who said no


def test_a_second_clustering_is_set_beside_the_champion(shop: Settings) -> None:
    train_model(shop, "clusters", as_of=AS_OF, trials=0)

    outcome = train_model(shop, "clusters", as_of=datetime(2017, 11, 28, tzinfo=UTC), trials=0)

    contenders = outcome.data["contenders"]
    assert isinstance(contenders, list)
    assert [one["role"] for one in contenders] == ["candidate", "baseline", "champion"]
    assert contenders[2]["metrics"]["agreement"] > 0.5


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
            "customers are too few",
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


def test_models_are_listed_with_alias_metric_and_cutoff(shop: Settings) -> None:
    run(shop, "listed")

    listed = list_models(shop)

    (row,) = (row for row in listed.rows if row[0] == "listed")
    assert row[1:7] == ["1", "champion", "new", "auc", 0.8, "2017-12-01"]


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
