import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.batches import base_table
from benchmarks.chosen import BASE, COLUMNS, MONTHS, RICH
from benchmarks.features import BARS, MEASURES, figures, main
from benchmarks.peers import event_files, with_pandas, with_polars
from benchmarks.shops import opened
from benchmarks.streams import difference
from core.settings import Settings
from features.definitions.orders import RECENCY_DAYS
from features.definitions.tastes import CATEGORY_ENTROPY
from features.feature import names
from features.stream import Stream
from pipelines.simulate_shop import simulate_shop

NOW = datetime(2024, 5, 1, tzinfo=UTC)  # after a change of the clock, and a month before the end


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    end = datetime(2024, 6, 1, tzinfo=UTC)
    simulate_shop(
        Settings(home=home), as_of=end, customers=60, days=120, seed=7, events_per_customer=200
    )
    return home


@pytest.fixture(scope="module")
def ours(home: Path) -> pd.DataFrame:
    with opened(home) as connection:
        return ordered(base_table(connection, NOW).to_pandas())


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.astype({"customer_id": object})
    return frame.sort_values("customer_id").set_index("customer_id")[names(BASE)]


def test_quick_figures_end_with_one_line_of_json_that_names_every_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["features", "--quick"])

    main()

    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["benchmark"] == "features"
    found = {one["name"]: one for one in said["results"]}
    assert list(found) == [bar.name for bar in BARS]
    assert found["stream_vs_batch"]["holds"] is True
    assert found["base_vs_scan"]["value"] > 0
    assert found["registry_rate"]["value"] is None
    assert found["registry_rate"]["reason"] == "--quick"


def test_every_bar_is_measured_by_something() -> None:
    assert [name for _, measured in MEASURES for name in measured] == [bar.name for bar in BARS]


@pytest.mark.parametrize("name", ["rich_peak_memory", "time_vs_polars", "spark_vs_duckdb"])
def test_a_reason_stands_where_there_is_no_figure(name: str) -> None:
    [found] = figures({name: "no disk"}, {name}, "")

    assert (found.value, found.reason, found.holds) == (None, "no disk", None)


@pytest.mark.parametrize("categories", [(), ("customer_id", "event")], ids=["plain", "fast"])
def test_pandas_computes_the_base_set(
    home: Path, ours: pd.DataFrame, categories: tuple[str, ...]
) -> None:
    theirs = ordered(with_pandas(event_files(home), NOW, categories=categories))

    pd.testing.assert_frame_equal(theirs, ours, rtol=1e-9, atol=1e-9)


def test_polars_computes_the_base_set(home: Path, ours: pd.DataFrame) -> None:
    theirs = ordered(pd.DataFrame(with_polars(event_files(home), NOW).to_dict(as_series=False)))

    pd.testing.assert_frame_equal(theirs, ours, rtol=1e-9, atol=1e-9)


def test_every_feature_of_the_base_set_says_something(ours: pd.DataFrame) -> None:
    assert len(ours) > 30
    assert [name for name in ours if ours[name].nunique() < 2] == []


def test_the_sets_are_as_large_as_is_said() -> None:
    assert (len(BASE), len(RICH), len(COLUMNS), len(MONTHS)) == (21, 36, 6, 12)


@pytest.mark.parametrize(
    ("value", "expected", "short", "apart"),
    [
        pytest.param(10.0, 10.0, {}, 0.0, id="equal"),
        pytest.param(10.0, 8.0, {}, 0.25, id="relative-to-what-is-expected"),
        pytest.param(0.5, 0.0, {}, 0.5, id="absolute-at-0"),
        pytest.param(None, 1.0, {}, 1.0, id="a-null-against-a-number"),
    ],
)
def test_a_difference(
    value: float | None, expected: float, short: dict[str, float], apart: float
) -> None:
    assert difference([RECENCY_DAYS], [value], [expected], short) == pytest.approx(apart)


def test_entropies_differ_absolutely_and_not_at_all_above_the_cap() -> None:
    entropy = CATEGORY_ENTROPY

    assert difference([entropy], [2.5], [2.0]) == pytest.approx(0.5)
    assert difference([entropy], [2.5], [2.0], {entropy.name: 0.1}) == 0.0


def test_a_state_of_nobody_reads_as_defaults() -> None:
    stream = Stream(BASE)
    values = stream.read(stream.replay([]), 0)

    assert difference(BASE, values, [one.default for one in BASE]) == 0.0
