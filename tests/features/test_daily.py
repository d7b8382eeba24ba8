from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from features.daily import Daily
from features.definitions.orders import ORDERS, RECENCY_DAYS
from features.definitions.tastes import CATEGORIES
from features.feature import Feature
from features.parquet import features_to_parquet
from features.registry import REGISTRY
from features.shop import Shop
from ingest.contract import CUSTOMERS, EVENT_NAMES
from tests.features.conftest import Happened, tables
from tests.parity import EXCHANGING, logs
from tests.simulated_shop import AS_OF, SHOP, assert_same, write_shop

_FEW = (RECENCY_DAYS, *ORDERS)
# Around the change of clocks; events of `logs` are densest here.
_NIGHTS = [datetime(2024, 3, day, tzinfo=UTC) for day in (30, 31)] + [
    datetime(2024, 4, 1, 5, 30, tzinfo=UTC)
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with write_shop(tmp_path_factory.mktemp("shop")) as connection:
        yield connection


def _built(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    as_of: datetime,
    daily: Daily | None = None,
    *,
    features: tuple[Feature, ...] = REGISTRY,
    shop: Shop = SHOP,
) -> pd.DataFrame:
    files = features_to_parquet(
        connection,
        root,
        as_of=as_of,
        features=features,
        event_range_us=(0, 1),
        shop=shop,
        write=daily,
    )
    return pd.read_parquet(files.parquet).sort_values("customer_id", ignore_index=True)


def _daily(connection: duckdb.DuckDBPyConnection, root: Path, seen: str = "as ever") -> Daily:
    return Daily(connection=connection, folder=root / "state", seen=lambda at_us: seen)


def test_day_after_day_gives_what_a_full_build_gives(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    days = [AS_OF - timedelta(days=ago) for ago in (6, 5, 0)]
    for day in days:
        daily = _daily(shop, tmp_path)
        moved = _built(shop, tmp_path, day, daily)
        assert (daily.since is None) == (day == days[0])
    assert_same(moved, _built(shop, tmp_path, days[-1]))


@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow])
@given(logs(*EVENT_NAMES, least=20, most=80), st.booleans())
def test_whatever_happens_a_day_more_gives_what_a_full_build_gives(
    log: list[Happened], skips: bool
) -> None:
    with duckdb.connect(config={"threads": 1}) as connection, TemporaryDirectory() as folder:
        for name, table in zip(("events", "items"), tables(log), strict=True):
            connection.register(name, table)
        connection.register("customers", CUSTOMERS.empty_table())
        for night in _NIGHTS[:: 2 if skips else 1]:
            daily = _daily(connection, Path(folder))
            moved = _built(connection, Path(folder), night, daily, shop=EXCHANGING)
        assert daily.since is not None
        assert_same(moved, _built(connection, Path(folder), _NIGHTS[-1], shop=EXCHANGING))


def _since(
    shop: duckdb.DuckDBPyConnection,
    root: Path,
    as_of: datetime,
    *,
    features: tuple[Feature, ...] = _FEW,
    seen: str = "as ever",
    of: Shop = SHOP,
) -> datetime | None:
    daily = _daily(shop, root, seen)
    _built(shop, root, as_of, daily, features=features, shop=of)
    return daily.since


def test_a_state_is_left_where_it_would_not_be_exact(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    day = timedelta(days=1)
    _since(shop, tmp_path, AS_OF - 9 * day)
    assert _since(shop, tmp_path, AS_OF - 2 * day) is None  # too long ago for a window of a week
    assert _since(shop, tmp_path, AS_OF - day) is not None
    assert _since(shop, tmp_path, AS_OF, seen="more") is None  # some came in late
    assert _since(shop, tmp_path, AS_OF, seen="more") is not None  # the same day again
    assert _since(shop, tmp_path, AS_OF - day, seen="more") is None  # a day before
    assert _since(shop, tmp_path, AS_OF, features=_FEW[:2], seen="more") is None  # others
    other = Shop(timezone="Asia/Tokyo", currency=SHOP.currency, rates=SHOP.rates)
    assert _since(shop, tmp_path, AS_OF + day, features=_FEW[:2], seen="more", of=other) is None
    assert _since(shop, tmp_path, AS_OF + 2 * day, features=_FEW[:2], seen="more", of=other)


@pytest.mark.parametrize("name", ["manifest.json", "parts.parquet", "kept_things_2-0.parquet"])
@pytest.mark.parametrize("how", ["cut off", "gone"])
def test_a_damaged_state_is_made_anew(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path, name: str, how: str
) -> None:
    features = (RECENCY_DAYS, ORDERS[0], CATEGORIES)
    _since(shop, tmp_path, AS_OF - timedelta(days=1), features=features)
    file = tmp_path / "state" / name
    file.write_bytes(file.read_bytes()[:-9]) if how == "cut off" else file.unlink()
    assert _since(shop, tmp_path, AS_OF, features=features) is None
    assert _since(shop, tmp_path, AS_OF + timedelta(days=1), features=features) is not None


def test_a_file_that_is_damaged_within_is_made_anew(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    features = (RECENCY_DAYS, ORDERS[0], CATEGORIES)
    _since(shop, tmp_path, AS_OF - timedelta(days=1), features=features)
    file = tmp_path / "state" / "kept_things_2-0.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    assert pq.read_metadata(file).num_rows > 0  # its end says nothing of that

    daily = _daily(shop, tmp_path)
    made = _built(shop, tmp_path, AS_OF, daily, features=features)

    assert daily.since is None
    assert_same(made, _built(shop, tmp_path, AS_OF, features=features))


def test_a_file_that_no_build_made_is_left_alone(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    features = (RECENCY_DAYS, ORDERS[0], CATEGORIES)
    _since(shop, tmp_path, AS_OF - timedelta(days=1), features=features)
    file = tmp_path / "state" / "kept_things_2-0.parquet"
    file.with_name("kept_things_2-9.parquet").write_bytes(file.read_bytes())
    moved = _built(shop, tmp_path, AS_OF, _daily(shop, tmp_path), features=features)
    assert_same(moved, _built(shop, tmp_path, AS_OF, features=features))


def test_a_daily_build_is_of_everybody_seen(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="everybody seen"):
        features_to_parquet(
            shop,
            tmp_path,
            as_of=AS_OF,
            features=_FEW,
            event_range_us=(0, 1),
            shop=SHOP,
            who="bought",
            write=_daily(shop, tmp_path),
        )


@pytest.mark.parametrize(
    "manifest",
    ["{", "[1]", '{"builds": []}', '{"builds": [1]}', '{"builds": [1], "files": {}}'],
)
def test_a_manifest_that_says_nothing_is_no_state(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path, manifest: str
) -> None:
    _since(shop, tmp_path, AS_OF - timedelta(days=1))
    (tmp_path / "state" / "manifest.json").write_text(manifest)
    assert _since(shop, tmp_path, AS_OF) is None


def test_a_state_may_lie_in_a_folder_of_any_name(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    odd = tmp_path / "w[1]* it's"
    _since(shop, odd, AS_OF - timedelta(days=1), features=(CATEGORIES,))
    assert _since(shop, odd, AS_OF, features=(CATEGORIES,)) is not None


def test_a_build_that_fails_leaves_the_state_of_before(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    _since(shop, tmp_path, AS_OF - timedelta(days=1))
    before = (tmp_path / "state" / "manifest.json").read_text()
    daily = _daily(shop, tmp_path)

    def stop(step: str, done: int, total: int) -> None:
        if step == "parts":
            raise KeyboardInterrupt

    daily.progress = stop
    with pytest.raises(KeyboardInterrupt):
        _built(shop, tmp_path, AS_OF, daily, features=_FEW)
    assert (tmp_path / "state" / "manifest.json").read_text() == before
    assert _since(shop, tmp_path, AS_OF) is not None


def test_the_state_names_its_builds_and_has_a_row_for_everybody(
    shop: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for ago in (1, 0):
        everybody = _built(
            shop, tmp_path, AS_OF - timedelta(days=ago), _daily(shop, tmp_path), features=_FEW
        )
    manifest = json.loads((tmp_path / "state" / "manifest.json").read_text())
    assert len(manifest["builds"]) == 2
    assert pq.read_metadata(tmp_path / "state" / "parts.parquet").num_rows == len(everybody)


def test_the_same_day_again_gives_the_same(shop: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = _built(shop, tmp_path, AS_OF, _daily(shop, tmp_path))
    again = _built(shop, tmp_path, AS_OF, _daily(shop, tmp_path))
    pd.testing.assert_frame_equal(again, first, check_exact=True)
    assert len([*tmp_path.iterdir()]) == 2  # one folder of features, and the state
