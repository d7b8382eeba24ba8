"""Scoring a shop of four customers, with the champions that a workspace keeps in `bundles/`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from core.clock import to_us
from core.errors import NotEnoughDataError, NotReadyError
from core.settings import Settings
from ingest.contract import CATALOGUE, CONSENTS, CUSTOMERS, EVENTS, ITEMS, ORDER_COMPLETED
from ingest.lake import connect
from models import bundles, kin
from models.artefact import Artefact, save_model
from models.assortment import read_assortment
from models.clusters import Cluster, Clusters, QuantileScale
from models.recommender import Recommender
from models.rules import Recency
from pipelines.cli import app
from pipelines.commands import scoring  # noqa: F401  # registers `score`
from pipelines.score_customers import _rows, score_customers
from privacy.consent import PERSONALISATION
from profiles.snapshot import BUY_AGAIN, NEW_FOR_YOU, Manifest, Profile, open_snapshot
from tests.small_shop import agree

AS_OF = datetime(2017, 12, 1, tzinfo=UTC)
ORDERS = [  # customer, days before as_of, products
    ("ann", 40, ["milk", "bread"]),
    ("ann", 10, ["milk"]),
    ("ann", 2, ["milk", "petrol"]),
    ("bob", 5, ["tea"]),
    ("cyd", 5, ["tea", "bread"]),
    ("dan", -1, ["tea"]),  # after as_of: not there yet
]
CATEGORIES = {
    "bread": "FOOD/BREAD",
    "milk": "FOOD/DAIRY",
    "petrol": "FUEL/REG",
    "tea": "DRINKS/TEA",
}


def table(schema: pa.Schema, rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)


def write_lake(home: Path, orders: list[tuple[str, int, list[str]]] = ORDERS) -> None:
    lake = home / "lake"
    events, items = [], []
    for number, (customer_id, days, products) in enumerate(orders):
        fact = {"event_id": f"o{number}", "customer_id": customer_id, "event": ORDER_COMPLETED}
        fact |= {"ts_us": to_us(AS_OF - timedelta(days=days)), "currency": "EUR"}
        events.append({**fact, "value_minor": 900, "is_machine": False})
        items += [
            {**fact, "position": at, "product_id": each, "category": CATEGORIES[each]}
            for at, each in enumerate(products)
        ]
    for name, schema, rows in (("events", EVENTS, events), ("items", ITEMS, items)):
        (lake / name / "day=2017-11-30").mkdir(parents=True)
        pq.write_table(table(schema, rows), lake / name / "day=2017-11-30" / "a.parquet")
    catalogue = [
        {"product_id": each, "name": each, "category": category, "available": each != "petrol"}
        for each, category in CATEGORIES.items()
    ]
    pq.write_table(table(CATALOGUE, catalogue), lake / "catalogue.parquet")
    pq.write_table(table(CUSTOMERS, []), lake / "customers.parquet")
    pq.write_table(table(CONSENTS, []), lake / "consents.parquet")


def crown(home: Path, name: str, version: str, model: Artefact) -> None:
    """Make `model` the champion that the workspace keeps."""
    folder = bundles.aside(home, name)
    save_model(model, folder, meta={"name": name})
    bundles.keep(home, name, version, folder)
    bundles.point_at(home, name, version)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake, and consents of ann and bob; cyd has not given any."""
    write_lake(tmp_path)
    agree(tmp_path, ("ann", "bob"), PERSONALISATION)
    return Settings(home=tmp_path)


@pytest.fixture
def complete(settings: Settings) -> Settings:
    """The same with three champions: rules with known answers."""
    connection = connect(settings.home)
    assortment = read_assortment(connection, before=AS_OF)
    connection.close()
    crown(settings.home, "recommender", "4", Recommender(assortment))
    crown(settings.home, "clusters", "3", clusters())
    frame = pd.DataFrame({"recency_days": np.linspace(1, 60, 40)})
    label = (frame["recency_days"] < 20).to_numpy()
    crown(settings.home, "propensity-order-30d", "2", Recency.fit(frame, label))
    return settings


def clusters() -> Clusters:
    """Who bought in the last four days is `fresh`."""
    knots = np.linspace(0, 8, 200)[:, None]
    return Clusters(
        features=("recency_days",),
        scale=QuantileScale(knots, np.ones(1)),
        centres=np.array([[0.0], [1.0]]),
        radii=np.array([0.5, 0.5]),
        clusters=(
            Cluster(label=0, name="fresh", traits=("frequent",), share=0.5),
            Cluster(label=1, name="settled", traits=(), share=0.5),
        ),
    )


def profile_of(settings: Settings, customer_id: str) -> Profile:
    with open_snapshot(settings.home) as snapshot:
        found = snapshot.profile(customer_id)
    assert found is not None
    return found


def test_a_profile_holds_scores_cluster_and_lists_with_reasons(complete: Settings) -> None:
    score_customers(complete, as_of=AS_OF)

    ann, bob = profile_of(complete, "ann"), profile_of(complete, "bob")
    assert {"p_order_30d", "cluster", BUY_AGAIN}.isdisjoint(ann.why_null)
    assert "to train churn: 0 customers who ordered, 500 are needed" in ann.why_null["p_churn"]
    assert ann.reasons["cluster"] == "frequent"
    assert ann.reasons["p_order_30d"].startswith(("raises: ", "lowers: "))
    assert ann.outputs["cluster"] == "fresh"
    assert ann.outputs["cluster_traits"] == ["frequent"]
    assert ann.outputs["recency_days"] == ann.features["recency_days"] == 2
    assert ann.outputs["orders_365d"] == 3
    assert ann.outputs["top_categories"] == ["FOOD", "FUEL"]
    assert 1 > ann.outputs["p_order_30d"] > bob.outputs["p_order_30d"] > 0
    assert [(each.product_id, each.reason) for each in ann.lists[BUY_AGAIN]] == [
        ("milk", "You buy this about every 3 weeks"),
        ("bread", "You bought this once"),
    ]
    assert [each.product_id for each in ann.lists[NEW_FOR_YOU]] == ["tea"]
    assert bob.outputs["cluster"] == "settled"


def test_the_manifest_says_what_it_was_made_from(complete: Settings) -> None:
    outcome = score_customers(complete, as_of=AS_OF)

    with open_snapshot(complete.home) as snapshot:
        manifest = snapshot.manifest
    assert manifest.id == outcome.data["snapshot"]
    assert manifest.customers == 3  # dan's first order is in the future
    assert manifest.model_versions == {
        "propensity-order-30d": "2",
        "clusters": "3",
        "recommender": "4",
    }
    assert manifest.clusters["fresh"]["customers"] == 1
    assert {each.product_id for each in manifest.popular} == {"bread", "milk", "tea"}
    assert set(manifest.popular_by_cluster) == {"fresh", "settled"}
    assert outcome.data["outputs"]["p_order_30d"]["customers"] == 2
    assert outcome.data["outputs"]["list buy_again"]["coverage"] == pytest.approx(2 / 3)
    assert outcome.data["outputs"]["list buy_again"]["mean"] is None  # a list has a length only


def test_serving_finds_what_was_bought_last_and_what_belongs_together(
    complete: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kin, "FEW", 1)  # there are six orders
    agree(complete.home, ["ann"])

    score_customers(complete, as_of=AS_OF)

    ann, cyd = profile_of(complete, "ann"), profile_of(complete, "cyd")
    assert list(ann.bought.items()) == [("milk", 2), ("petrol", 2), ("bread", 40)]
    assert cyd.bought == {}
    with open_snapshot(complete.home) as snapshot:
        products = snapshot.products
        assert [pick.product_id for pick in products.best()] == [
            "milk",
            "tea",
            "bread",
            "petrol",
        ]
        _, near = products.kin(["bread"], "goes_with")["bread"]
        assert products.ids(near.numbers) == {0: "milk"}
        assert [pick.product_id for pick in snapshot.common("new_arrivals")] == ["tea"]


def test_champions_that_no_registry_confirmed_are_named(complete: Settings) -> None:
    outcome = score_customers(complete, as_of=AS_OF)

    names = ["propensity-order-30d", "clusters", "recommender"]
    assert outcome.data["stale"] == names
    assert any(f"kept last were used: {', '.join(names)}." in note for note in outcome.notes)


def test_without_consent_to_personalisation_nothing_personal_is_kept(complete: Settings) -> None:
    score_customers(complete, as_of=AS_OF)

    cyd = profile_of(complete, "cyd")

    assert set(cyd.outputs.values()) == {None}
    assert cyd.features == {}
    assert cyd.lists == {BUY_AGAIN: [], NEW_FOR_YOU: []}
    assert set(cyd.why_null.values()) == {"no consent to personalisation"}


def test_models_that_are_missing_are_named_with_what_they_lack(settings: Settings) -> None:
    outcome = score_customers(settings, as_of=AS_OF)

    ann = profile_of(settings, "ann")
    assert ann.outputs["p_order_30d"] is None
    assert ann.outputs["orders_365d"] == 3
    assert ann.lists == {BUY_AGAIN: [], NEW_FOR_YOU: []}
    assert "to train propensity 30 days ahead: 0 days of orders" in ann.why_null["p_order_30d"]
    assert "to train clusters: 0 customers who ordered" in ann.why_null["cluster"]
    assert "to train recommender: 0 days of orders" in ann.why_null[BUY_AGAIN]
    assert outcome.exit_code == 0
    with open_snapshot(settings.home) as snapshot:
        assert snapshot.popular()[0].product_id == "milk"  # as often as tea lately, more often ever


def test_the_same_inputs_are_unchanged_and_a_new_consent_is_not(complete: Settings) -> None:
    first = score_customers(complete, as_of=AS_OF)
    again = score_customers(complete, as_of=AS_OF)
    agree(complete.home, ["cyd"], PERSONALISATION)
    later = score_customers(complete, as_of=AS_OF)

    assert (first.status, again.status, later.status) == ("done", "unchanged", "done")
    assert again.data == first.data
    assert later.data["snapshot"] != first.data["snapshot"]
    assert profile_of(complete, "cyd").outputs["cluster"] == "settled"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda home: crown(home, "clusters", "9", clusters()), id="a-new-champion"),
        pytest.param(
            lambda home: pq.write_table(
                table(CATALOGUE, [{"product_id": "tea", "name": "tea"}]),
                home / "lake" / "catalogue.parquet",
            ),
            id="another-catalogue",
        ),
    ],
)
def test_other_inputs_make_another_snapshot(
    complete: Settings, change: Callable[[Path], object]
) -> None:
    first = score_customers(complete, as_of=AS_OF)
    change(complete.home)

    assert score_customers(complete, as_of=AS_OF).data["snapshot"] != first.data["snapshot"]


def test_before_the_first_order_there_is_nobody_to_score(settings: Settings) -> None:
    with pytest.raises(NotEnoughDataError, match="no customer has an order before 2016-01-01"):
        score_customers(settings, as_of=datetime(2016, 1, 1, tzinfo=UTC))
    assert not (settings.home / "snapshots").exists()


def test_without_an_import_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        score_customers(Settings(home=tmp_path), as_of=AS_OF)


def test_the_command_prints_one_line_of_json(settings: Settings) -> None:
    result = CliRunner().invoke(
        app, ["--home", str(settings.home), "score", "--as-of", "2017-12-01", "--json"]
    )

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["customers"] == 3


def test_an_empty_list_covers_nobody(tmp_path: Path) -> None:
    scores = pd.DataFrame({"top_categories": [["TEA"], [], None], "p_order_30d": [0.2, 0.4, None]})
    scores.to_parquet(tmp_path / "scores.parquet")
    pd.DataFrame({"customer_id": ["ann"], "slot": ["buy_again"]}).to_parquet(
        tmp_path / "lists.parquet"
    )
    manifest = Manifest(
        id="s", as_of=AS_OF, model_versions={}, customers=3, outputs=tuple(scores.columns)
    )

    rows = {name: found for name, *found in _rows(tmp_path, manifest)}

    assert rows["top_categories"] == [1, pytest.approx(1 / 3), None]
    assert rows["p_order_30d"] == [2, pytest.approx(2 / 3), pytest.approx(0.3)]
