from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import load_settings
from ingest.lake import connect
from ingest.log import EventLog
from pipelines.import_data import import_data
from privacy.consent import ConsentLedger

PAGE = Path("docs/how-to/import-your-data.md")
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Write the files of the how-to page into a folder."""
    blocks = re.findall(r"`([\w.]+)`[^`]*?:\n\n```(?:csv|yaml)\n(.*?)```", PAGE.read_text(), re.S)
    assert [name for name, _ in blocks] == [
        "orders.csv",
        "products.csv",
        "customers.csv",
        "shop.yaml",
    ]
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    return tmp_path


def arguments(folder: Path) -> list[str]:
    files = [("mapping", "shop.yaml"), ("events", "orders.csv")]
    files += [("products", "products.csv"), ("customers", "customers.csv")]
    return [word for name, file in files for word in (f"--{name}", str(folder / file))]


def sendwise(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = "from pipelines.cli import main; main()"
    command = [sys.executable, "-c", program, "--home", str(home), "import", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_example_of_the_page_does_what_the_page_says(example: Path) -> None:
    home = example / "home"
    first = sendwise(home, *arguments(example), "--as-of", "2024-06-01", "--json")
    again = sendwise(home, *arguments(example), "--as-of", "2024-06-01")

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    result = json.loads(first.stdout)
    assert (result["events"], result["items"], result["consents"]) == (3, 4, 3)
    lines = result["sections"][0]
    assert (lines["read"], lines["accepted"], lines["duplicate"]) == (6, 4, 0)
    assert lines["quarantined"] == {"a test order": 1, "unreadable time": 1}
    assert "events: orders.csv" in again.stdout
    assert "quarantined 1 of events: unreadable time" in again.stdout
    assert "New: 0 events with 0 items, 0 products, 0 customers, 0 consents." in again.stdout
    lake = connect(home)
    assert lake.execute(
        "SELECT event_id, event, order_id, value_minor FROM events ORDER BY ts_us"
    ).fetchall() == [
        ("1001", "Order Completed", "1001", 1500),
        ("1002", "Order Completed", "1002", 350),
        ("1002-refund", "Order Refunded", "1002", 350),
    ]
    lake.close()
    log = EventLog(home / "events.db")
    products = {row["product_id"]: row for row in log.catalogue().to_pylist()}
    log.close()
    for key, category, available in (
        ("TEA-1", "Drinks/Tea", True),
        ("MUG-4", "Kitchen/Mugs", False),
    ):
        assert (products[key]["category"], products[key]["available"]) == (category, available)
    ledger = ConsentLedger(home / "events.db")
    assert ledger.granted_many(["c-17", "c-18"], "email_marketing", NOW) == {"c-17"}
    ledger.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--dataset", "nonsense"], "no data set 'nonsense'", id="unknown-data-set"),
        pytest.param(["--as-of", "soon"], "is not a date", id="as-of"),
        pytest.param(
            ["--mapping", "no.yaml", "--events", "x.csv"], "no.yaml cannot be read", id="no-mapping"
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, words: list[str], message: str
) -> None:
    done = sendwise(tmp_path / "home", *words)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert not (tmp_path / "home").exists()


def test_notice_is_shown_and_in_the_result(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = example / "shop.yaml"
    mapping.write_text("notice: made up for a test\n" + mapping.read_text())

    outcome = import_data(
        load_settings(home=example / "home"),
        as_of=NOW,
        mapping=mapping,
        inputs={"events": example / "orders.csv"},
    )

    assert outcome.data["notice"] == "made up for a test"
    assert "Notice: made up for a test" in capsys.readouterr().err
    assert "products: skipped, no products file given." in outcome.notes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({}, "give either --dataset", id="nothing"),
        pytest.param({"mapping": Path("shop.yaml")}, "give at least one file", id="no-files"),
        pytest.param({"dataset": "online-retail"}, "give it with --path", id="no-path"),
        pytest.param(
            {"dataset": "online-retail", "mapping": Path("shop.yaml")},
            "give either --dataset",
            id="both",
        ),
    ],
)
def test_what_cannot_be_told_apart_is_refused(
    tmp_path: Path, given: dict[str, str | Path], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        import_data(load_settings(home=tmp_path), as_of=NOW, **given)


def test_a_conf_folder_that_is_elsewhere_is_said_with_its_setting(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", conf=tmp_path / "nowhere")
    path = tmp_path / "sales.parquet"
    path.touch()

    with pytest.raises(ConfigError, match=r"no mapping .*online_retail.yaml.*set SENDWISE_CONF"):
        import_data(settings, as_of=NOW, dataset="online-retail", path=path)
