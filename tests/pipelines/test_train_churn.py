from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import DataError, NotEnoughDataError
from core.settings import Settings
from features.engine import feature_frame
from features.registry import CHURN
from ingest.lake import connect
from models import registry, tracking
from models.churn_outputs import P_ALIVE, P_CHURN
from models.rhythm import Rhythm
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


def test_churn_meets_every_rule_and_what_wins_is_registered(shop: Settings) -> None:
    outcome = train_model(shop, "churn", as_of=AS_OF, trials=1)

    contenders = {one["name"]: one["metrics"] for one in outcome.data["contenders"]}
    assert set(contenders) == {"churn", "silence", "recency", "bg-nbd"}
    assert {"auc", "log_loss", "brier", "ece", "next_days_off"} <= set(contenders["bg-nbd"])
    assert 0.6 < contenders["churn"]["next_coverage"] <= 1
    assert 0.7 < contenders["churn"]["auc"] < 0.95
    assert any(note.startswith("next order of ") for note in outcome.notes)

    champion = registry.champion(shop, "churn")
    connection = connect(shop.home)
    frame = feature_frame(connection, cutoffs=[AS_OF], features=CHURN)
    connection.close()
    got = champion.model.predict(frame)
    assert got[P_CHURN].between(0, 1).all()
    assert got[P_ALIVE].between(0, 1).all()

    again = train_model(shop, "churn", as_of=AS_OF, trials=1)
    assert again.status == "unchanged"


def test_the_definition_stands_in_run_and_card(shop: Settings) -> None:
    train_model(shop, "churn", as_of=AS_OF, trials=1)

    version = registry.versions(shop, "churn")[0]

    definition = Rhythm(20.0).definition
    assert definition in tracking.read_text(shop, version.run_id, "model_card.md")


def test_a_short_history_has_windows_of_sixty_days(shop: Settings) -> None:
    outcome = train_model(
        shop, "churn", as_of=START + timedelta(days=215), trials=0, register=False
    )

    assert any("the history is short" in note for note in outcome.notes)


def test_what_is_too_good_to_be_true_is_refused(shop: Settings) -> None:
    suspicious = shop.model_copy(update={"leak_auc": 0.6})

    with pytest.raises(DataError, match="too good to be true"):
        train_model(suspicious, "churn", as_of=AS_OF, trials=2, register=False)


def test_too_few_customers_are_said_with_how_many_consent(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, customers=20)

    with pytest.raises(NotEnoughDataError, match="consent to model_training"):
        train_model(settings, "churn", as_of=AS_OF, trials=0)
