from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import NotEnoughDataError
from core.settings import Settings
from features.engine import feature_frame
from features.registry import VALUE
from ingest.lake import connect
from models import registry
from models.value import EXPECTED_SPEND_90D, TOTAL_VALUE
from pipelines.training import train_model
from tests.pipelines.ordering_shop import AS_OF, START, write_shop

pytestmark = [
    # MLflow warns where no input example is logged with a model: that would be a customer's row.
    pytest.mark.filterwarnings("ignore:.*input example:UserWarning"),
    # MLflow's own queries, under SQLAlchemy 2.1.
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    return write_shop(with_mlflow(tmp_path_factory.mktemp("shop")))


def test_value_meets_every_rule_and_what_wins_is_registered(shop: Settings) -> None:
    outcome = train_model(shop, "value", as_of=AS_OF, trials=1)

    contenders = {one["name"]: one for one in outcome.data["contenders"]}
    assert set(contenders) == {"value", "btyd", "past-spend", "recent-spend", "rfm"}
    rules = [one for one in outcome.data["contenders"] if one["role"] == "baseline"]
    ginis = [one["metrics"]["gini"] for one in rules]
    assert ginis == sorted(ginis, reverse=True)  # the best rule is the one to beat
    assert f" {rules[0]['name']}" in outcome.data["verdict"]
    assert all("total_ratio" in one["metrics"] for one in contenders.values())
    assert 0.6 < contenders["value"]["metrics"]["coverage"] <= 1
    assert contenders["value"]["metrics"]["gini"] > contenders["rfm"]["metrics"]["gini"]
    assert "Left out, without consent to model_training: 1." in outcome.notes

    champion = registry.champion(shop, "value")
    connection = connect(shop.home)
    frame = feature_frame(connection, cutoffs=[AS_OF], features=VALUE)
    connection.close()
    got = champion.model.predict(frame)
    assert (got[EXPECTED_SPEND_90D] >= 0).all()
    assert (got[TOTAL_VALUE] >= frame["revenue_minor_total"]).all()

    again = train_model(shop, "value", as_of=AS_OF, trials=1)
    assert again.status == "unchanged"


def test_a_later_training_meets_the_champion(shop: Settings) -> None:
    train_model(shop, "value", as_of=AS_OF - timedelta(days=30), trials=0)

    outcome = train_model(shop, "value", as_of=AS_OF + timedelta(days=5), trials=0)

    assert [one["role"] for one in outcome.data["contenders"]].count("champion") == 1
    assert outcome.data["over_champion"] is not None


def test_half_a_year_is_enough_and_it_is_said_how_far_it_looked(shop: Settings) -> None:
    outcome = train_model(
        shop, "value", as_of=START + timedelta(days=182), trials=0, register=False
    )

    assert any("the history is short: learnt from 60 days" in note for note in outcome.notes)
    metrics = outcome.data["contenders"][0]["metrics"]
    assert 0.6 < metrics["total_ratio"] < 1.5


def test_too_little_history_registers_nothing(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, customers=150)
    before = sorted(path.name for path in tmp_path.iterdir())

    with pytest.raises(NotEnoughDataError, match=r"170 days of orders, 180 are needed"):
        train_model(settings, "value", as_of=START + timedelta(days=171), trials=0)

    assert sorted(path.name for path in tmp_path.iterdir()) == before
