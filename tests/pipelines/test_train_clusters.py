from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.errors import NotEnoughDataError
from core.settings import Settings
from models import registry, tracking
from models.clusters import Clusters
from pipelines import train_clusters
from pipelines.outcome import Outcome
from pipelines.training import train_model
from tests.pipelines.contests import AS_OF
from tests.small_shop import write_lake


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    home = with_mlflow(tmp_path_factory.mktemp("shop"))
    write_lake(home)
    return Settings(home=home)


@pytest.fixture(scope="module")
def trained(shop: Settings) -> Outcome:
    """The first training in the shop; every test goes on from it."""
    return train_model(shop, "clusters", as_of=AS_OF, trials=0)


def test_clusters_are_trained_from_the_lake_and_named(shop: Settings, trained: Outcome) -> None:
    outcome = trained

    assert outcome.data["promoted"] is True
    champion = registry.champion(shop, "clusters").model
    assert isinstance(champion, Clusters)
    traits = [cluster.traits for cluster in champion.clusters]
    assert "big baskets" in traits[0]
    assert any("lapsing" in words or "occasional" in words for words in traits)
    assert train_model(shop, "clusters", as_of=AS_OF, trials=0).status == "unchanged"
    assert outcome.data["left_out"] == 1
    # Nothing that was written about the model names a customer.
    assert outcome.data["contenders"]
    folder = shop.home / "bundles" / "models" / "clusters"
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert "@example.test" not in text
    assert '"c7"' not in text
    *_, version = registry.versions(shop, "clusters")  # the oldest
    with tracking.server(shop) as client:
        (entry,) = client.get_run(version.run_id).inputs.dataset_inputs
    assert json.loads(entry.dataset.profile)["rows"] == 299  # 300 but the one who said no


def test_a_second_clustering_is_set_beside_the_champion(shop: Settings, trained: Outcome) -> None:
    assert trained.data["alias"] == "champion"

    outcome = train_model(shop, "clusters", as_of=datetime(2017, 11, 28, tzinfo=UTC), trials=0)

    contenders = outcome.data["contenders"]
    assert isinstance(contenders, list)
    assert [one["role"] for one in contenders] == ["candidate", "baseline", "champion"]
    assert contenders[2]["metrics"]["agreement"] > 0.5


@pytest.mark.parametrize("of", ["require_customers", "fit_clusters"])
def test_too_few_who_consent_are_told_from_too_few(
    shop: Settings, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise NotEnoughDataError("too few.")

    monkeypatch.setattr(train_clusters, of, lacking)

    with pytest.raises(NotEnoughDataError, match=r"consent to model_training \(299 of 300 cust"):
        train_model(shop, "clusters", as_of=AS_OF, trials=1, register=False)
