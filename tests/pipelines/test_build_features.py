from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.clock import to_us
from core.errors import ConfigError, DataError, NotEnoughDataError, NotReadyError
from core.settings import Settings
from features import spark
from features.feature import names
from features.registry import PROPENSITY, REGISTRY
from features.shop import Shop
from ingest.contract import CUSTOMERS, EVENTS, ITEMS, ORDER_COMPLETED
from ingest.log import EventLog
from pipelines.build_features import build_features, features_sql
from pipelines.outcome import Outcome
from tests.simulated_shop import BRIEFLY, assert_same
from tests.small_shop import agree

NOW = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """Ann ordered twice, Bob once; Eve ordered but did not agree to be learnt from."""
    orders = [("ann", 40), ("ann", 10), ("bob", 5), ("eve", 5)]
    day = tmp_path / "lake" / "events" / "day=2024-01-01"
    day.mkdir(parents=True)
    events = [
        {
            "event_id": f"e{number}",
            "customer_id": who,
            "event": ORDER_COMPLETED,
            "ts_us": to_us(NOW - age * DAY),
            "value_minor": 1_000,
            "discount_minor": 0,
            "currency": "EUR",
            "country": "FR" if who == "bob" else "DE",
        }
        for number, (who, age) in enumerate(orders)
    ]
    agree(tmp_path, ["ann", "bob", "eve"], at_us=to_us(NOW - 50 * DAY))
    agree(tmp_path, ["eve"], granted=False, at_us=to_us(NOW - DAY))
    pq.write_table(pa.Table.from_pylist(events, schema=EVENTS), day / "part.parquet")
    items = tmp_path / "lake" / "items" / day.name
    items.mkdir(parents=True)
    pq.write_table(ITEMS.empty_table(), items / "part.parquet")
    return Settings(home=tmp_path)


def written(outcome: Outcome) -> pd.DataFrame:
    """Return the features of a build; in the file they are in any order."""
    frame = pd.read_parquet(str(outcome.data["path"]))
    return frame.sort_values("customer_id", ignore_index=True)


def test_writes_a_row_per_consenting_customer_and_a_table_of_features(shop: Settings) -> None:
    outcome = build_features(shop, as_of=NOW)

    frame = written(outcome)
    assert frame["customer_id"].tolist() == ["ann", "bob"]
    assert frame["orders_total"].tolist() == [2.0, 1.0]
    assert [row[0] for row in outcome.rows] == names(REGISTRY)
    assert "Left out, without consent to model_training: 1." in outcome.notes  # Eve
    assert outcome.data["left_out"] == 1
    assert outcome.rows[0][:2] == ["recency_days", "days"]
    assert outcome.rows[0][2:] == pytest.approx([7.5, 5.25, 7.5, 9.75])  # mean, 5 %, median, 95 %


def test_the_manifest_says_what_the_features_could_see(shop: Settings) -> None:
    outcome = build_features(shop, as_of=NOW - 7 * DAY)

    manifest = json.loads(Path(str(outcome.data["path"])).with_name("manifest.json").read_text())
    assert manifest["rows"] == 1  # Bob and Eve came later
    assert manifest["event_range_us"] == [to_us(NOW - 40 * DAY), to_us(NOW - 10 * DAY)]
    assert manifest["as_of"] == "2024-02-23T00:00:00+00:00"


def test_the_same_again_is_unchanged_and_another_instant_is_another_folder(shop: Settings) -> None:
    first, again = build_features(shop, as_of=NOW), build_features(shop, as_of=NOW)
    later = build_features(shop, as_of=NOW + DAY)

    assert (first.status, again.status, later.status) == ("done", "unchanged", "done")
    assert first.data["path"] == again.data["path"] != later.data["path"]


def test_a_daily_build_goes_on_from_the_one_before_and_gives_the_same(shop: Settings) -> None:
    first = build_features(shop, as_of=NOW - DAY, daily=True)
    second = build_features(shop, as_of=NOW, daily=True)
    in_full = build_features(shop, as_of=NOW)

    assert (first.data["went_on_from"], in_full.data["went_on_from"]) == (None, None)
    assert second.data["went_on_from"] == (NOW - DAY).isoformat()
    assert "went on from what the build of 2024-02-29 had kept" in second.notes
    assert_same(written(second), written(in_full))


def test_a_daily_build_after_late_events_is_a_full_one(shop: Settings) -> None:
    build_features(shop, as_of=NOW - DAY, daily=True)
    (day,) = (shop.home / "lake" / "events").iterdir()
    late = pq.read_table(day / "part.parquet").slice(0, 1)
    late = late.set_column(0, "event_id", pa.array(["late"]))
    pq.write_table(late, day / "part-2.parquet")

    outcome = build_features(shop, as_of=NOW, daily=True)

    assert outcome.data["went_on_from"] is None
    assert any(note.startswith("built in full") for note in outcome.notes)
    assert written(outcome)["orders_total"].sum() == 4.0


def test_a_daily_build_is_duckdbs(shop: Settings) -> None:
    on_spark = shop.model_copy(update={"features_engine": "spark"})
    with pytest.raises(ConfigError, match="Leave out --daily"):
        build_features(on_spark, as_of=NOW, daily=True)


def test_a_daily_build_is_as_of_a_midnight(shop: Settings) -> None:
    with pytest.raises(ConfigError, match=r"Give --as-of 2024-03-01, or no --as-of"):
        build_features(shop, as_of=NOW + timedelta(hours=5), daily=True)


@pytest.mark.parametrize("lost", ["features.parquet", "manifest.json"])
@pytest.mark.parametrize("how", ["removed", "cut-off"])
def test_a_lost_or_damaged_file_is_written_again(shop: Settings, lost: str, how: str) -> None:
    first = build_features(shop, as_of=NOW)
    rows, path = written(first), Path(str(first.data["path"])).with_name(lost)
    whole = path.read_bytes()
    path.unlink() if how == "removed" else path.write_bytes(whole[: len(whole) // 2])
    again = build_features(shop, as_of=NOW)
    assert (again.status, again.data["path"]) == ("done", first.data["path"])
    pd.testing.assert_frame_equal(written(again), rows, check_exact=True)
    assert build_features(shop, as_of=NOW).status == "unchanged"


def test_a_withdrawn_consent_counts_from_its_instant(shop: Settings) -> None:
    assert build_features(shop, as_of=NOW - 2 * DAY).data["customers"] == 3
    assert build_features(shop, as_of=NOW).data["customers"] == 2


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        pytest.param(NOW - 99 * DAY, "no event .* before 2023-11-23", id="before-the-first-event"),
        pytest.param(NOW - 40 * DAY, "no event", id="at-the-first-event"),
        pytest.param(NOW + 40 * DAY, "the data end on 2024-02-25", id="long-after-the-last"),
    ],
)
def test_an_as_of_that_the_data_do_not_reach_leaves_the_workspace_alone(
    shop: Settings, as_of: datetime, says: str
) -> None:
    with pytest.raises(NotEnoughDataError, match=says):
        build_features(shop, as_of=as_of)

    assert not (shop.home / "features").exists()


def test_nobody_who_consents_is_said_in_one_line(shop: Settings) -> None:
    (shop.home / "events.db").unlink()

    with pytest.raises(NotEnoughDataError, match="nobody has consented to model_training"):
        build_features(shop, as_of=NOW)


def test_an_empty_workspace_says_to_import_first(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="sendwise import"):
        build_features(Settings(home=tmp_path / "new"), as_of=NOW)


def test_the_base_currency_is_that_of_the_first_import(tmp_path: Path) -> None:
    assert not Shop.of(Settings(home=tmp_path)).currency
    log = EventLog(tmp_path / "events.db")
    log.fix_currency("GBP")
    log.close()

    assert Shop.of(Settings(home=tmp_path)).currency == "GBP"


def test_the_time_zone_is_that_of_the_first_import_unless_a_setting_says_otherwise(
    tmp_path: Path,
) -> None:
    assert Shop.of(Settings(home=tmp_path)).timezone == "UTC"
    with closing(EventLog(tmp_path / "events.db")) as log:
        log.fix_timezone("Europe/London")
        log.fix_timezone("Asia/Tokyo")

    assert Shop.of(Settings(home=tmp_path)).timezone == "Europe/London"
    assert Shop.of(Settings(home=tmp_path, timezone="Europe/Rome")).timezone == "Europe/Rome"


def test_the_query_is_printed_for_a_warehouse_and_needs_no_data(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, currency="EUR", rates={"USD": 0.9}, timezone="Europe/Rome")

    query = features_sql(settings, as_of=NOW, dialect="duckdb")

    with duckdb.connect() as connection:
        connection.register("events", EVENTS.empty_table())
        connection.register("items", ITEMS.empty_table())
        connection.register("customers", CUSTOMERS.empty_table())
        assert connection.execute(query).fetchall() == []
    with pytest.raises(ConfigError, match=r"postgres.*got 'oracle'"):
        features_sql(settings, as_of=NOW, dialect="oracle")
    assert "left out" not in query


WEATHER = "day,country,degrees,sky\n2024-02-29,DE,1,rain\n2024-03-01,DE,2.5,sun\n"


def with_context(shop: Settings, text: str) -> Settings:
    (shop.home / "weather.csv").write_text(text)
    return Settings(home=shop.home, context="weather.csv")


def test_the_context_adds_its_columns_after_the_registry_s(shop: Settings) -> None:
    outcome = build_features(with_context(shop, WEATHER), as_of=NOW)

    frame = written(outcome)
    assert list(frame.columns[2:]) == [*names(REGISTRY), "context_degrees", "context_sky"]
    assert frame[["customer_id", "context_degrees", "context_sky"]].to_numpy().tolist() == [
        ["ann", 2.5, "sun"],
        ["bob", 0.0, ""],  # is in France
    ]
    assert outcome.title.startswith(f"{len(REGISTRY) + 2} features of 2 customers")
    assert outcome.rows[-1] == ["context_sky", "as given", None, None, "sun", None]
    assert outcome.notes[1] == "The context has a row for the day and place of 1 of 2 customers."
    assert outcome.data["context_day"] == "2024-03-01"


def test_the_manifest_changes_with_the_context_even_where_no_feature_does(shop: Settings) -> None:
    without = build_features(shop, as_of=NOW)
    first, again = (build_features(with_context(shop, WEATHER), as_of=NOW) for _ in range(2))
    longer = build_features(with_context(shop, WEATHER + "2024-03-02,DE,0,fog\n"), as_of=NOW)

    assert [each.status for each in (without, first, again, longer)] == [
        *("done", "done", "unchanged", "done")
    ]
    assert without.data["definitions_digest"] != first.data["definitions_digest"]
    assert first.data["content_digest"] == longer.data["content_digest"]
    assert first.data["context_digest"] != longer.data["context_digest"]
    assert len({each.data["path"] for each in (without, first, longer)}) == 3


def test_a_bad_context_leaves_the_workspace_alone(shop: Settings) -> None:
    with pytest.raises(DataError, match=r"weather\.csv: line 2: the day 'today' is no date"):
        build_features(with_context(shop, "day,country,sun\ntoday,DE,1\n"), as_of=NOW)

    assert not (shop.home / "features").exists()


def test_the_printed_query_says_that_it_leaves_the_context_out(shop: Settings) -> None:
    query = features_sql(with_context(shop, WEATHER), as_of=NOW, dialect="snowflake")

    assert query.startswith("-- left out: the features of the context, weather.csv\n-- sendwise: ")
    assert "context_sky" not in query


def test_the_locale_is_that_of_the_customer_s_traits(shop: Settings) -> None:
    traits = {"ann": '{"locale":"de-DE"}', "bob": '{"locale":"whatever"}'}
    rows = [{"customer_id": who, "traits": text} for who, text in traits.items()]
    table = pa.Table.from_pylist(rows, schema=CUSTOMERS)
    pq.write_table(table, shop.home / "lake" / "customers.parquet")

    assert written(build_features(shop, as_of=NOW))["locale"].tolist() == ["de-DE", ""]


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17: none here")
@pytest.mark.skipif(find_spec("pyspark") is None, reason="PySpark is not installed")
def test_spark_writes_the_same_file_and_manifest(
    shop: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = ("country", "region", "city", "locale")
    few = (*PROPENSITY[:3], *(one for one in REGISTRY if one.name in outside))
    monkeypatch.setattr("pipelines.build_features.REGISTRY", few)  # all of them: in test_spark.py
    monkeypatch.setattr(spark, "session", partial(spark.session, options=BRIEFLY))
    given = with_context(shop, WEATHER)
    expected = build_features(given, as_of=NOW)
    on_spark = Settings(home=shop.home, context="weather.csv", features_engine="spark")

    outcome = build_features(on_spark, as_of=NOW)

    assert_same(theirs := written(outcome), ours := written(expected))
    assert theirs.dtypes.tolist() == ours.dtypes.tolist()
    assert outcome.data.keys() == expected.data.keys()
    same = ("customers", "left_out", "events", "definitions_digest", "context_digest", "rows")
    assert [outcome.data[name] for name in same] == [expected.data[name] for name in same]
    assert outcome.notes[-1].startswith("computed on Spark at local[2], written to ")
    assert build_features(on_spark, as_of=NOW).status == "unchanged"
