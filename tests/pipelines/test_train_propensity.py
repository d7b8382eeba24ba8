from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.clock import to_us
from core.errors import ConfigError, DataError, NotEnoughDataError
from core.settings import Settings
from features.dataset import cutoffs, training_set
from features.engine import feature_frame
from ingest.contract import EVENTS, ITEMS, ORDER_COMPLETED
from ingest.lake import connect
from models import registry
from models.propensity_fit import fit_propensity
from models.registered import ORDER, Target
from models.rules import Recency
from pipelines.probability_contest import Described, contest_of
from pipelines.training import train_model
from tests.small_shop import agree

pytestmark = [
    # MLflow warns where no input example is logged with a model: that would be a customer's row.
    pytest.mark.filterwarnings("ignore:.*input example:UserWarning"),
    # MLflow's own queries, under SQLAlchemy 2.1.
    pytest.mark.filterwarnings("ignore:.*noload.*:sqlalchemy.exc.SADeprecationWarning"),
]

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 210
AS_OF = START + timedelta(days=DAYS)


def rhythms(customers: int, seed: int) -> Iterator[tuple[str, datetime, int]]:
    """Yield orders of customers with a rhythm of their own: every few days, or every other month.

    A third of them falls silent for good at some time, which recency alone cannot tell from a
    slow rhythm.
    """
    random = np.random.default_rng(seed)
    for number in range(customers):
        gap = random.choice([4.0, 15.0, 40.0])
        last = random.uniform(30, DAYS) if random.random() < 0.4 else DAYS
        age = random.uniform(0, gap)
        while age < last:
            yield f"c{number}", START + timedelta(days=age), int(random.integers(500, 9_000))
            age += random.gamma(3.0, gap / 3.0)


def write_shop(home: Path, *, customers: int = 500, seed: int = 7) -> Settings:
    """Write a lake of their orders; the first of them does not want to be learnt from."""
    lake = home / "lake"
    for name in ("events", "items"):
        (lake / name / "day=2024-01-01").mkdir(parents=True)
    rows = [
        {
            "event_id": f"e{number}",
            "customer_id": who,
            "event": ORDER_COMPLETED,
            "ts_us": to_us(at),
            "value_minor": value,
            "discount_minor": value // 10,
            "currency": "EUR",
        }
        for number, (who, at, value) in enumerate(rhythms(customers, seed))
    ]
    lines = [
        {key: row[key] for key in ("event_id", "customer_id", "event", "ts_us", "currency")}
        | {"position": 1, "product_id": "p", "category": "SHOES", "quantity": 1}
        for row in rows
    ]
    agree(home, [f"c{number}" for number in range(1, customers)])
    day = "day=2024-01-01/part.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), lake / "events" / day)
    pq.write_table(pa.Table.from_pylist(lines, schema=ITEMS), lake / "items" / day)
    return Settings(home=home)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    return write_shop(with_mlflow(tmp_path_factory.mktemp("shop")))


def test_the_model_meets_the_strongest_rule_and_the_better_becomes_champion(
    shop: Settings,
) -> None:
    outcome = train_model(shop, "propensity", as_of=AS_OF, trials=1)

    contenders = {one["name"]: one["metrics"] for one in outcome.data["contenders"]}
    assert set(contenders) == {"lightgbm+logistic", "rfm-sum", "recency", "logistic", "bg-nbd"}
    assert all(set(each) == {"auc", "log_loss", "brier", "ece"} for each in contenders.values())
    rules = [one["name"] for one in outcome.data["contenders"] if one["role"] == "baseline"]
    assert rules == sorted(rules, key=lambda name: contenders[name]["log_loss"])
    wins = outcome.data["over_baseline"]["low"] > 0
    assert outcome.data["winner"] == ("lightgbm+logistic" if wins else rules[0])
    assert rules[0] in outcome.notes[0]
    assert "Left out, without consent to model_training: 1." in outcome.notes
    assert 0.7 < contenders["lightgbm+logistic"]["auc"] < 0.99

    champion = registry.champion(shop, "propensity-order-30d")
    assert champion.meta["contender"] == outcome.data["winner"]
    connection = connect(shop.home)
    frame = feature_frame(connection, cutoffs=[AS_OF])
    connection.close()
    scores = champion.model.predict(frame)
    assert ((scores > 0) & (scores < 1)).all()

    again = train_model(shop, "propensity", as_of=AS_OF, trials=1)
    assert again.status == "unchanged"
    assert again.data["contenders"] == outcome.data["contenders"]


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        pytest.param(START - timedelta(days=9), "orders begin", id="before-the-first-order"),
        pytest.param(START + timedelta(days=100), "are needed", id="too-little-history"),
    ],
)
def test_too_little_history_registers_nothing(tmp_path: Path, as_of: datetime, says: str) -> None:
    settings = write_shop(tmp_path, customers=50)
    before = sorted(path.name for path in tmp_path.iterdir())

    with pytest.raises(NotEnoughDataError, match=says):
        train_model(settings, "propensity", as_of=as_of, trials=0)

    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_too_few_customers_are_said_in_one_line(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, customers=20)

    with pytest.raises(
        NotEnoughDataError, match=r"examples .*, 100 are needed.* \(19 of 20 customers\)"
    ):
        train_model(settings, "propensity", as_of=AS_OF, trials=0)


def test_only_a_champion_of_later_data_has_seen_the_test_slice(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    week = timedelta(days=7)
    train_model(shop, "propensity", as_of=AS_OF - week, trials=0)

    before = train_model(shop, "propensity", as_of=AS_OF - 2 * week, trials=0)
    after = train_model(shop, "propensity", as_of=AS_OF, trials=0)

    assert before.data["promoted"] is False
    assert any("v1 was not compared" in note for note in before.notes)
    assert "champion v1" in str(after.data["contenders"])


def test_another_target_is_another_model(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    target = Target(days=14, category="SHOES")

    outcome = train_model(shop, "propensity", as_of=AS_OF, trials=0, target=target)

    assert outcome.data["model"] == "propensity-order-shoes-14d"
    assert "bg-nbd" not in str(
        outcome.data["contenders"]
    )  # it foretells orders, whatever is in them
    champion = registry.champion(shop, target.name)
    assert champion.meta["labels_end"] == (AS_OF - target.horizon).isoformat()
    with pytest.raises(ConfigError, match="no event 'Shoe Bought'"):
        train_model(shop, "propensity", as_of=AS_OF, trials=0, target=Target("Shoe Bought"))


def test_an_event_that_can_never_happen_is_no_lack_of_data(tmp_path: Path) -> None:
    early = START + timedelta(days=10)

    with pytest.raises(ConfigError, match="no event 'Order Complete'; the contract has"):
        train_model(
            write_shop(tmp_path),
            "propensity",
            as_of=early,
            trials=0,
            target=Target("Order Complete"),
        )


def test_a_champion_that_cannot_be_read_is_replaced_and_named(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    train_model(shop, "propensity", as_of=AS_OF - timedelta(days=7), trials=0)
    for kept in shop.home.rglob("*.json"):
        if kept.name in ("rule.json", "propensity.json"):
            kept.write_text('{"cut": "off"}')

    outcome = train_model(shop, "propensity", as_of=AS_OF, trials=0)

    assert outcome.data["promoted"] is True
    assert any("the champion was not compared" in note for note in outcome.notes)


def test_the_same_training_again_mends_a_champion_that_is_damaged_everywhere(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    shop = write_shop(with_mlflow(tmp_path))
    train_model(shop, "propensity", as_of=AS_OF, trials=0)
    for held in shop.home.rglob("*.json"):
        if held.name in ("rule.json", "propensity.json"):
            held.write_text('{"cut": "off"}')

    outcome = train_model(shop, "propensity", as_of=AS_OF, trials=0)

    assert (outcome.status, outcome.data["promoted"]) == ("done", True)
    assert registry.champion(shop, ORDER.name).version == "2"


def test_a_feature_that_knows_the_future_is_caught(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    connection = connect(tmp_path)
    honest = training_set(connection, cutoffs=cutoffs(START, AS_OF, ORDER.horizon))
    at_the_end = feature_frame(connection, cutoffs=[AS_OF]).set_index("customer_id")
    connection.close()
    # RFM as of the end of the data, joined to cut-offs before it: the commonest of all leaks.
    leaking = {
        name: rows.assign(recency_days=rows["customer_id"].map(at_the_end["recency_days"]))
        for name in ("training", "purged", "validation", "test")
        if len(rows := getattr(honest, name))
    }
    dataset = replace(honest, **leaking)
    fitted = fit_propensity(dataset, trials=0, seed=7)
    described = Described(slice="all", purpose="to test", limits=())
    rules = {"recency": Recency.fit(dataset.seen, dataset.seen["label"].to_numpy())}

    with pytest.raises(DataError, match=r"too good to be true.* recency_days has \d+% of the gain"):
        contest_of(settings, dataset, fitted, None, rules=rules, described=described)
