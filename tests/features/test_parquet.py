from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest

from core.clock import to_us
from features.definitions.orders import RECENCY_DAYS
from features.engine import feature_frame
from features.parquet import FeatureFiles, features_to_parquet
from features.registry import PROPENSITY

if TYPE_CHECKING:
    from tests.features.conftest import Happened, Lake

NOW = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_parquet_comes_whole_with_its_manifest_and_only_once(
    ann: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    frame = feature_frame(ann, cutoffs=[NOW])
    span = (to_us(NOW - 100 * DAY), to_us(NOW - 3 * DAY))

    def write() -> FeatureFiles:
        return features_to_parquet(
            ann, tmp_path, as_of=NOW, features=PROPENSITY, event_range_us=span
        )

    first, again = write(), write()

    assert (first.is_new, again.is_new) == (True, False)
    assert first.folder == again.folder
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]
    written = pd.read_parquet(first.parquet).sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(written, frame)
    manifest = json.loads((first.folder / "manifest.json").read_text())
    assert manifest["rows"] == 1
    assert manifest["event_range_us"] == list(span)
    assert manifest["features"][RECENCY_DAYS.name]["unit"] == "days"


def test_an_interrupted_write_leaves_nothing_behind(
    ann: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        features_to_parquet(
            ann,
            tmp_path,
            as_of=NOW,
            features=PROPENSITY,
            event_range_us=(0, 1),
            progress=full,
        )

    assert list(tmp_path.iterdir()) == []
    assert feature_frame(ann, cutoffs=[NOW])["customer_id"].tolist() == ["ann"]


def test_a_file_of_features_has_only_the_customers_asked_for(
    lake: Lake, happened: type[Happened], tmp_path: Path
) -> None:
    log = lake([happened(customer=who, at=NOW - DAY) for who in ("zoe", "ann", "bob")])

    files = features_to_parquet(
        log,
        tmp_path,
        as_of=NOW,
        features=[RECENCY_DAYS],
        event_range_us=(0, 1),
        customers=["zoe", "ann"],
    )

    assert sorted(pd.read_parquet(files.parquet)["customer_id"]) == ["ann", "zoe"]
    assert files.manifest["rows"] == 2


def test_what_somebody_has_damaged_is_written_again(
    ann: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    def write() -> FeatureFiles:
        return features_to_parquet(
            ann, tmp_path, as_of=NOW, features=[RECENCY_DAYS], event_range_us=(0, 1)
        )

    first = write()
    first.parquet.unlink()

    assert write().is_new
    assert len(pd.read_parquet(first.parquet)) == 1
