from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import Settings
from features.registry import CLUSTERS, PROPENSITY
from models.bundles import LoadedModel
from pipelines.customer_outputs import (
    FEATURES,
    Champions,
    describe_clusters,
    load_champions,
    recommender_of,
)
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU
from tests.models.registered import small_model

NOBODY = Champions(propensity=None, clusters=None, recommender=None)


@pytest.fixture
def with_clusters() -> Champions:
    loaded = LoadedModel("clusters", "3", small_model(), {})
    return Champions(propensity=None, clusters=loaded, recommender=None)


def test_every_feature_is_kept_once() -> None:
    assert len(FEATURES) == len(set(FEATURES))
    assert set(FEATURES) == {*PROPENSITY, *CLUSTERS}


def test_an_empty_workspace_lacks_every_model_and_says_what_to_run(tmp_path: Path) -> None:
    champions = load_champions(Settings(home=tmp_path))

    assert champions == NOBODY
    assert champions.versions == {}
    assert set(champions.missing) == {
        "p_order_30d",
        "cluster",
        "cluster_traits",
        BUY_AGAIN,
        NEW_FOR_YOU,
    }
    assert all("run `sendwise train" in why for why in champions.missing.values())
    assert recommender_of(champions) is None
    assert describe_clusters(champions, {}) == {}


def test_a_model_that_is_there_lacks_nothing(with_clusters: Champions) -> None:
    assert with_clusters.versions == {"clusters": "3"}
    assert with_clusters.stale == []
    assert {"cluster", "cluster_traits"}.isdisjoint(with_clusters.missing)


def test_outputs_are_the_same_with_and_without_models(with_clusters: Champions) -> None:
    assert with_clusters.outputs == NOBODY.outputs
    assert set(with_clusters.schema.names) >= set(with_clusters.outputs)


def test_a_cluster_nobody_is_in_is_described_all_the_same(with_clusters: Champions) -> None:
    described = describe_clusters(with_clusters, {"Frequent": ["ann", "bob"]})

    assert {name: one["customers"] for name, one in described.items()} == {
        "Frequent": 2,
        "Occasional": 0,
    }
