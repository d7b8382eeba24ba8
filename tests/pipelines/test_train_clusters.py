from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import pipelines.commands.learning  # noqa: F401  # registers the commands
from core.clock import to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.shop import Shop
from ingest.lake import connect
from models import registry, tracking
from models.bundles import LoadedModel
from models.clusters import Clusters
from pipelines import train_clusters
from pipelines.outcome import Outcome
from pipelines.train_clusters import past_at
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
    roles = [one["role"] for one in contenders]
    assert roles[:2] == ["candidate", "baseline"]
    assert set(roles[2:-1]) == {"tried"}
    assert roles[-1] == "champion"
    assert contenders[-1]["metrics"]["agreement"] > 0.5
    assert {"k-means", "ward"} <= {one["name"].partition(",")[0] for one in contenders}
    notes = " ".join(outcome.notes)
    assert "continue one of the champion's" in notes
    assert "Chosen by stability alone: with less than 180 days" in notes


def test_labels_and_names_are_those_of_the_champion(
    shop: Settings, trained: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = registry.champion(shop, "clusters")
    first = champion.model
    assert trained.data["alias"] == "champion"
    assert isinstance(first, Clusters)
    moved = tuple(replace(each, label=each.label + 10) for each in first.clusters)
    loaded = LoadedModel("clusters", "1", replace(first, clusters=moved), champion.meta)
    monkeypatch.setattr(registry, "champion", lambda *_: loaded)

    as_of = datetime.fromisoformat(champion.meta["as_of"])
    again = train_model(shop, "clusters", as_of=as_of, trials=0, register=False)

    *_, champion_row = again.data["contenders"]  # type: ignore[misc]  # a list, as it is JSON
    assert champion_row["metrics"]["same_label"] == 1.0
    k = len(first.clusters)
    notes = " ".join(again.notes)
    assert f"As before, {champion.meta['contender']}: nothing stable says more." in notes
    assert f"{k} of {k} clusters continue one of the champion's {k}; {k} keep its name." in notes


def test_the_past_says_what_clusters_tell_of_the_future(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_clusters, "LATER", timedelta(days=20))

    outcome = train_model(shop, "clusters", as_of=AS_OF, trials=0, register=False)

    candidate = outcome.data["contenders"][0]  # type: ignore[index]
    assert 0 < candidate["metrics"]["eta_ordered"] <= 1
    assert 0 < candidate["metrics"]["eta_spent"] <= 1


def test_the_past_ends_where_its_future_begins(shop: Settings) -> None:
    at = datetime(2017, 11, 1, tzinfo=UTC)
    with connect(shop.home) as lake:
        past = past_at(lake, at, ["SHOES", "BOOKS"], shop=Shop(), customers=["c1", "c2"])
        ((orders, minor),) = lake.execute(
            "SELECT count(*), sum(value_minor) FROM events"
            " WHERE customer_id = 'c1' AND ts_us >= $1",
            [to_us(at)],
        ).fetchall()

    assert past.frame["customer_id"].tolist() == ["c1", "c2"]
    assert past.frame["recency_days"].min() >= 0
    assert past.ordered.tolist() == [True, True]
    assert orders > 0
    assert past.spent_minor[0] == float(minor)


@pytest.mark.parametrize("of", ["require_customers", "fit_clusters"])
def test_too_few_who_consent_are_told_from_too_few(
    shop: Settings, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise NotEnoughDataError("too few.")

    monkeypatch.setattr(train_clusters, of, lacking)

    with pytest.raises(NotEnoughDataError, match=r"consent to model_training \(299 of 300 cust"):
        train_model(shop, "clusters", as_of=AS_OF, trials=1, register=False)
