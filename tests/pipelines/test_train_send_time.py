from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import DAY
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.engine import feature_frame
from features.reading import with_reading
from features.registry import SEND_TIME
from ingest.lake import connect
from models import registry, tracking
from models.send_time import SendTime, Shrinkage
from pipelines import train_send_time
from pipelines.outcome import Outcome
from pipelines.simulate_shop import simulate_shop
from pipelines.train_send_time import RULE
from pipelines.training import train_model
from tests.small_shop import write_lake

HOUR = timedelta(hours=1)
AS_OF = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("shop"))
    simulate_shop(settings, as_of=AS_OF, customers=1_500, days=300, seed=3)
    with_mlflow(settings.home)
    return settings


@pytest.fixture(scope="module")
def trained(shop: Settings) -> Outcome:
    """The first training in the shop; every test goes on from it."""
    return train_model(shop, "send-time", as_of=AS_OF, trials=0)


def champion(shop: Settings) -> SendTime:
    model = registry.champion(shop, "send-time").model
    assert isinstance(model, SendTime)
    return model


def test_hours_of_ones_own_beat_the_shops_on_later_mails(shop: Settings, trained: Outcome) -> None:
    assert trained.data["promoted"] is True
    gain = trained.data["over_baseline"]
    assert isinstance(gain, dict)
    assert gain["low"] > 0.1
    assert champion(shop).personal
    assert any("No best weekday" in note for note in trained.notes)
    assert train_model(shop, "send-time", as_of=AS_OF, trials=0).status == "unchanged"


def test_what_is_registered_names_no_customer(shop: Settings, trained: Outcome) -> None:
    assert trained.data["winner"] == "own hour"
    folder = shop.home / "bundles" / "models" / "send-time"

    text = "".join(path.read_text() for path in folder.rglob("*.json"))

    assert "read_hour_07" in text  # what it needs to know of one
    assert '"c0000' not in text


def test_the_run_says_whether_the_shares_told_came(shop: Settings, trained: Outcome) -> None:
    assert trained.data["version"]
    (version, *_) = registry.versions(shop, "send-time")
    with tracking.server(shop) as client:
        metrics = client.get_run(version.run_id).data.metrics

    assert metrics["answered"] == 1.0
    assert metrics["share_told"] == pytest.approx(metrics["share_came"], abs=0.15)


def test_the_champion_answers_who_has_read_and_says_why_not_of_the_others(
    shop: Settings, trained: Outcome
) -> None:
    assert trained.status == "done"
    model = champion(shop)
    with connect(shop.home) as connection:
        frame = feature_frame(connection, cutoffs=[AS_OF], features=SEND_TIME)
        frame = with_reading(connection, frame, as_of=AS_OF, delays=model.delays)

    got, why = model.predict(frame), model.reasons(frame)

    has_hour = got["best_hour"].notna()
    assert 0.2 < has_hour.mean() < 0.8
    assert ((why["best_hour"] == "") == has_hour).all()


def test_a_later_candidate_meets_the_champion_on_the_same_mails(
    shop: Settings, trained: Outcome
) -> None:
    assert trained.data["alias"] == "champion"

    outcome = train_model(shop, "send-time", as_of=AS_OF + DAY, trials=0, register=False)

    contenders = outcome.data["contenders"]
    assert isinstance(contenders, list)
    assert [one["role"] for one in contenders] == ["candidate", "baseline", "champion"]
    own, rule, old = (one["metrics"]["read_in_time"] for one in contenders)
    assert own == pytest.approx(old, abs=0.1)
    assert old > rule


def test_a_champion_that_has_learnt_from_the_slice_is_not_compared(
    shop: Settings, trained: Outcome
) -> None:
    assert trained.data["alias"] == "champion"

    outcome = train_model(shop, "send-time", as_of=AS_OF - HOUR, trials=0, register=False)

    assert any("has learnt from the test slice" in note for note in outcome.notes)
    assert "stays" in str(outcome.data["verdict"])


def test_where_own_hours_do_not_win_the_shops_hour_is_registered(
    shop: Settings, monkeypatch: pytest.MonkeyPatch, trained: Outcome
) -> None:
    assert trained.status == "done"
    nobodys = Shrinkage(hours=1e9, least=5)
    monkeypatch.setattr(train_send_time, "choose", lambda *_, **__: (nobodys, False))
    at = AS_OF - timedelta(days=10)

    outcome = train_model(shop, "send-time", as_of=at, trials=0)

    assert outcome.data["winner"] == RULE
    assert "does not beat" in str(outcome.data["verdict"])
    latest = max(registry.versions(shop, "send-time"), key=lambda one: int(one.version))
    with tracking.server(shop) as client:
        tags = client.get_model_version("send-time", latest.version).tags
    assert tags["contender"] == RULE


def test_a_shop_without_opens_is_told_what_it_lacks(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    home = with_mlflow(tmp_path)
    write_lake(home)

    with pytest.raises(NotEnoughDataError, match="0 days of opens and clicks, 90 are needed"):
        train_model(Settings(home=home), "send-time", as_of=AS_OF, trials=0)


def test_too_few_readers_are_told_to_be_of_those_who_consent(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.send_time_measures.MIN_READERS", 10_000)

    with pytest.raises(NotEnoughDataError, match=r"10000 are needed .* consent to model_training"):
        train_model(shop, "send-time", as_of=AS_OF - 5 * DAY, trials=0)
