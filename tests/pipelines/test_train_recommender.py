"""Training the recommender on a real MLflow in SQLite, in a shop of two tribes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.clock import to_us
from core.errors import NotEnoughDataError, NotReadyError
from core.settings import Settings
from ingest.contract import CATALOGUE, CUSTOMERS, EVENTS, ITEMS, ORDER_COMPLETED
from models import registry
from models.recommender import Recommender
from pipelines import recommender_rivals, recommender_windows
from pipelines.outcome import Outcome
from pipelines.training import train_model
from tests.small_shop import agree

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
DAYS = 150
CUSTOMERS_OF_A_TRIBE = 30
PRODUCTS_OF_A_TRIBE = 24


def orders() -> Iterator[tuple[str, str, datetime, list[str]]]:
    """Everybody orders every six days: a favourite, and something else of the tribe's shelf."""
    generator = np.random.default_rng(5)
    for number in range(2 * CUSTOMERS_OF_A_TRIBE):
        tribe = "shoe" if number % 2 else "book"
        favourite = generator.integers(PRODUCTS_OF_A_TRIBE)
        for day in range(number % 6, DAYS, 6):
            other = generator.integers(PRODUCTS_OF_A_TRIBE)
            products = sorted({f"{tribe}{favourite:02}", f"{tribe}{other:02}"})
            at = AS_OF - timedelta(days=DAYS - day)
            yield f"o{number}-{day}", f"w{number:02}", at, products


def table(schema: pa.Schema, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)


def write_lake(home: Path, *, silent: str = "") -> None:
    """Write the shop; the customer `silent` has not consented to anything."""
    days = [home / "lake" / name / "day=2017-11-30" for name in ("events", "items")]
    for folder in days:
        folder.mkdir(parents=True)
    events, items = [], []
    for event_id, customer_id, at, products in orders():
        fact = {"event_id": event_id, "customer_id": customer_id, "ts_us": to_us(at)}
        fact["event"] = ORDER_COMPLETED
        events.append({**fact, "value_minor": 1_000, "currency": "EUR", "is_machine": False})
        items += [
            {**fact, "position": place, "product_id": product, "category": product[:4].upper()}
            for place, product in enumerate(products)
        ]
    known = sorted({str(event["customer_id"]) for event in events})
    catalogue = [
        {"product_id": f"{tribe}{number:02}", "name": tribe, "available": True}
        for tribe in ("book", "shoe")
        for number in range(PRODUCTS_OF_A_TRIBE)
    ]
    pq.write_table(table(EVENTS, events), days[0] / "a.parquet")
    pq.write_table(table(ITEMS, items), days[1] / "a.parquet")
    pq.write_table(table(CATALOGUE, catalogue), home / "lake" / "catalogue.parquet")
    agree(home, [each for each in known if each != silent])
    people = [{"customer_id": each} for each in known]
    pq.write_table(table(CUSTOMERS, people), home / "lake" / "customers.parquet")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, with_mlflow: Callable[[Path], Path]) -> Settings:
    home = with_mlflow(tmp_path_factory.mktemp("two-tribes"))
    write_lake(home, silent="w07")
    return Settings(home=home)


@pytest.fixture(scope="module")
def first(shop: Settings) -> Outcome:
    """The first training in the shop; every test goes on from it."""
    return train_model(shop, "recommender", as_of=AS_OF, trials=2)


def test_the_hybrid_is_judged_against_habits_and_its_own_models(
    shop: Settings, first: Outcome
) -> None:
    again = train_model(shop, "recommender", as_of=AS_OF, trials=2)

    assert (first.status, again.status) == ("done", "unchanged")
    table_of = {each["name"]: each["metrics"] for each in first.data["contenders"]}
    assert [*table_of][:3] == ["hybrid", "frequency-popularity", "popularity"]
    assert {*table_of} >= {"frequency", "fading", "item-knn", "ease", "als", "together", "content"}
    assert table_of["hybrid"]["ndcg20_new"] > table_of["popularity"]["ndcg20_new"]
    assert table_of["frequency"]["ndcg20_new"] == 0
    assert first.data["promoted"] is True
    assert first.data["left_out"] == 1
    assert "beats frequency-popularity by +" in str(first.data["verdict"])
    (version,) = registry.versions(shop, "recommender")
    assert {"data_digest", "catalogue_digest"} <= set(version.tags)
    model = registry.champion(shop, "recommender").model
    assert isinstance(model, Recommender)
    assert model.hybrid is not None


def test_its_pictures_are_kept_with_the_run(shop: Settings, first: Outcome) -> None:
    assert first.data["alias"] == "champion"

    plots = {path.name for path in (shop.home / "mlartifacts").rglob("plots/*.png")}

    assert plots == {"quality.png", "tuning.png", "tuning_trees.png", "trees.png"}
    assert any(note.startswith("Trees: ") and "2 trials" in note for note in first.notes)


def test_no_file_of_the_model_names_a_customer(shop: Settings, first: Outcome) -> None:
    assert first.data["alias"] == "champion"

    files = [path for path in (shop.home / "bundles").rglob("*") if path.is_file()]

    assert {path.name for path in files} >= {"assortment.npz", "als.npz", "ranker.txt"}
    for path in files:
        content = path.read_bytes()
        assert b"w07" not in content
        assert b"w08" not in content
        assert "w08".encode("utf-32-le") not in content  # how NumPy keeps text


def test_a_model_that_is_as_good_as_the_hybrid_in_a_slot_is_said_plainly(shop: Settings) -> None:
    outcome = train_model(shop, "recommender", as_of=AS_OF, trials=0, register=False)

    assert any("as good as the hybrid or better" in note for note in outcome.notes)


def test_the_champion_is_measured_by_its_recipe(shop: Settings, first: Outcome) -> None:
    assert first.data["alias"] == "champion"

    later = train_model(shop, "recommender", as_of=AS_OF, trials=0, register=False)

    champion = later.data["contenders"][-1]
    assert champion["role"] == "champion"
    assert 0 < champion["metrics"]["ndcg20_new"] < 1


def test_a_later_training_by_the_same_recipe_renews_the_champion(
    tmp_path: Path, with_mlflow: Callable[[Path], Path]
) -> None:
    home = with_mlflow(tmp_path)
    write_lake(home)
    shop = Settings(home=home)
    train_model(shop, "recommender", as_of=AS_OF - timedelta(days=1), trials=0)

    later = train_model(shop, "recommender", as_of=AS_OF, trials=0)
    earlier = train_model(shop, "recommender", as_of=AS_OF - timedelta(days=2), trials=0)

    assert later.data["promoted"] is True
    assert "the same recipe, learnt from newer data" in str(later.data["verdict"])
    assert earlier.data["promoted"] is False
    assert registry.champion(shop, "recommender").meta["as_of"] == AS_OF.isoformat()


@pytest.mark.parametrize(
    ("days_ago", "says"),
    [
        pytest.param(100, "50 days of orders, 61 are needed.*of 2017-09-03 or", id="too-early"),
        pytest.param(90, "60 days of orders.*of 2017-09-03 or later", id="just-too-early"),
        pytest.param(150, "orders begin 2017-07-04", id="at-the-first-order"),
        pytest.param(500, "nothing is known before 2016", id="before-it"),
    ],
)
def test_too_little_history_is_an_error_that_says_from_when_on_it_can_run(
    shop: Settings, days_ago: int, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=says) as caught:
        train_model(shop, "recommender", as_of=AS_OF - timedelta(days=days_ago), trials=0)

    assert "\n" not in str(caught.value)


def test_the_as_of_that_the_error_proposes_is_enough(shop: Settings) -> None:
    from_when_on = datetime(2017, 9, 3, tzinfo=UTC)

    outcome = train_model(shop, "recommender", as_of=from_when_on, trials=0, register=False)

    assert outcome.data["version"] is None


def test_tuning_that_does_not_beat_the_defaults_is_on_record(shop: Settings) -> None:
    tuned = train_model(shop, "recommender", as_of=AS_OF, trials=1, register=False)
    untuned = train_model(shop, "recommender", as_of=AS_OF, trials=0, register=False)

    assert tuned.data["tuned"] is False  # the one trial is that of the defaults
    assert untuned.data["tuned"] is None


@pytest.mark.parametrize(
    ("of", "says"),
    [
        pytest.param("shared_products", "no product was bought by 2", id="no-shared-tastes"),
        pytest.param("require_targets", "nobody bought anything new", id="nothing-new-later"),
    ],
)
def test_data_that_are_too_little_are_said_before_a_trial_begins(
    shop: Settings, monkeypatch: pytest.MonkeyPatch, of: str, says: str
) -> None:
    def lacking(*_: object) -> None:
        raise NotEnoughDataError(says)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("tuned")

    monkeypatch.setattr(recommender_windows, of, lacking)
    monkeypatch.setattr(recommender_rivals, "tune", never)

    with pytest.raises(NotEnoughDataError, match=rf"{says}.* \(59 of 60 customers\)"):
        train_model(shop, "recommender", as_of=AS_OF, trials=3, register=False)


def test_without_an_import_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        train_model(Settings(home=tmp_path), "recommender", as_of=AS_OF, trials=0)
