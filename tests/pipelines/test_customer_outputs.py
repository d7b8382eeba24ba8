from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from core.settings import Settings
from features.registry import CLUSTERS, PROPENSITY
from features.shop import Shop
from ingest.lake import connect
from models import registered
from models.bundles import LoadedModel
from models.calibration import Sigmoid
from models.rules import Logistic, Recency
from pipelines.champions import Champions
from pipelines.customer_outputs import (
    ALL_FEATURES,
    FEATURES,
    Told,
    describe_clusters,
    features_of_all,
    kinds_of,
    lacking_of,
    missing_of,
    outputs_of,
    schema_of,
)
from profiles.profile import BUY_AGAIN, NEW_FOR_YOU
from tests.models.registered import small_model
from tests.small_shop import write_lake

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*input example:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]
AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
NOBODY = Champions()
WITH_CLUSTERS = Champions(models={"clusters": LoadedModel("clusters", "3", small_model(), {})})


def test_every_feature_is_kept_once() -> None:
    assert len(ALL_FEATURES) == len(set(ALL_FEATURES))
    assert set(FEATURES) == {*PROPENSITY, *CLUSTERS}
    assert set(FEATURES) < set(ALL_FEATURES)


def test_an_empty_workspace_lacks_every_model_and_says_what_to_run() -> None:
    lacking = missing_of(NOBODY)

    facts = {"lifecycle_stage", "recency_days", "orders_365d", "top_categories"}
    facts |= {"historic_value", "average_order_value", "average_days_between_orders"}
    assert set(lacking) == {*kinds_of(NOBODY), BUY_AGAIN, NEW_FOR_YOU} - facts
    assert all("run `sendwise train" in why for why in lacking.values())
    assert describe_clusters(NOBODY, {}) == {}


def test_outputs_that_lack_the_same_model_are_told_together() -> None:
    lines = lacking_of(WITH_CLUSTERS)

    assert f"{BUY_AGAIN}, {NEW_FOR_YOU}: null for everybody" in " ".join(lines)
    assert not any("cluster" in line for line in lines)


def test_outputs_are_the_same_with_and_without_models() -> None:
    assert kinds_of(WITH_CLUSTERS) == kinds_of(NOBODY)
    assert set(schema_of(NOBODY).names) == {*kinds_of(NOBODY), *(one.name for one in FEATURES)}


def test_a_propensity_of_another_target_is_an_output_too() -> None:
    target = registered.Target("Product Added", 14)
    loaded = LoadedModel(target.name, "1", Recency(Sigmoid(1.0, 0.0)), {})

    assert target.output in kinds_of(Champions(models={target.name: loaded}))


def test_a_cluster_nobody_is_in_is_described_all_the_same() -> None:
    described = describe_clusters(WITH_CLUSTERS, {"Frequent": ["ann", "bob"]})

    assert {name: one["customers"] for name, one in described.items()} == {
        "Frequent": 2,
        "Occasional": 0,
    }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    home = with_mlflow(tmp_path_factory.mktemp("outputs"))
    write_lake(home)
    return Settings(home=home)


@pytest.fixture
def lake(shop: Settings) -> duckdb.DuckDBPyConnection:
    return connect(shop.home)


def told(lake: duckdb.DuckDBPyConnection, shop: Settings, champions: Champions) -> Told:
    frame = features_of_all(lake, shop, as_of=AS_OF)
    return outputs_of(lake, frame, champions, as_of=AS_OF, shop=Shop.of(shop))


def test_without_a_model_there_are_facts_and_a_stage_with_its_rule(
    lake: duckdb.DuckDBPyConnection, shop: Settings
) -> None:
    got = told(lake, shop, NOBODY)

    assert set(got.outputs) == set(kinds_of(NOBODY))
    assert None not in got.outputs["lifecycle_stage"]
    assert all(got.reasons["lifecycle_stage"])
    assert set(got.outputs["p_churn"]) == {None}
    assert set(got.why["p_churn"]) == {"no champion yet: run `sendwise train churn`"}
    assert None not in got.outputs["historic_value"]
    assert set(got.outputs["expected_spend_90d"]) == {None}


def test_a_score_has_its_reasons_and_a_place_its_margin(
    lake: duckdb.DuckDBPyConnection, shop: Settings
) -> None:
    rule = LoadedModel(registered.PROPENSITY, "1", Recency(Sigmoid(1.0, 2.0)), {})
    champions = Champions(models={rule.name: rule, **WITH_CLUSTERS.models})

    got = told(lake, shop, champions)

    assert all(0 < each < 1 for each in got.outputs[registered.P_ORDER] if isinstance(each, float))
    assert all(
        said.split(": ")[0] in {"raises", "lowers", ""} for said in got.reasons[registered.P_ORDER]
    )
    assert set(got.outputs["cluster"]) <= {"Frequent", "Occasional"}
    assert all(isinstance(each, bool) for each in got.outputs["cluster_outlier"])
    assert got.reasons["cluster"][0] in {"frequent", "occasional"}


def test_a_champion_that_does_not_fit_is_as_if_it_were_not_there(
    lake: duckdb.DuckDBPyConnection, shop: Settings
) -> None:
    frame = features_of_all(lake, shop, as_of=AS_OF).drop(columns="views_90d")
    seen = frame.assign(views_90d=0.0, label=[number % 2 for number in range(len(frame))])
    line = Logistic.fit(seen, seen["label"].to_numpy(), features=("views_90d",))
    champion = LoadedModel(registered.PROPENSITY, "1", line, {})

    got = outputs_of(
        lake, frame, Champions(models={champion.name: champion}), as_of=AS_OF, shop=Shop.of(shop)
    )

    assert set(got.outputs[registered.P_ORDER]) == {None}
    assert "the champion cannot be used" in got.why[registered.P_ORDER][0]
    assert "`sendwise train propensity`" in got.why[registered.P_ORDER][0]
