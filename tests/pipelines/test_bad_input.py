"""Each mistake a user can make: one clear line, exit code 2, and the workspace as it was."""

from __future__ import annotations

import hashlib
import shutil
import socket
import sys
from pathlib import Path

import pytest

from ingest.log import EventLog
from pipelines.cli import main
from tests.campaigns.mailing_list import publish
from tests.ingest.shop import EVENTS, HEADER, MAPPING, PRODUCTS
from tests.small_shop import write_lake

CONF = Path(__file__).parents[2] / "conf"
FILES = {
    "shop.yaml": MAPPING,
    "blank.yaml": MAPPING.replace("time: bought", "time: bougt at"),
    "misspelt.yaml": MAPPING.replace("time: bought", "time: when_bought"),
    "events.csv": EVENTS,
    "undated.csv": HEADER + "A1,1,soon,ann,tea,1,1\n",
    "products.csv": PRODUCTS,
    "empty.csv": PRODUCTS.splitlines()[0] + "\n",
}


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace, a `conf`, and a shop's files."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "home").mkdir()
    write_lake(folder / "home")
    publish(folder / "home")
    shutil.copytree(CONF, folder / "conf")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to stand in; nobody answers where the service should be."""
    folder = Path(shutil.copytree(made_once, tmp_path / "here"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SENDWISE_HOME", str(folder / "home"))
    monkeypatch.setenv("SENDWISE_CONF", str(folder / "conf"))
    return folder


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "a folder"
        for path in sorted(folder.rglob("*"))
    }


def refused(
    folder: Path, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Run the command line; it must refuse, in one line, and change nothing. Return the line."""
    before = tree(folder)
    monkeypatch.setattr(sys, "argv", ["sendwise", *words.split()])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert tree(folder) == before
    return said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(
            "import --mapping shop.yaml --events nowhere.csv",
            "events file nowhere.csv does not exist. Check the path.",
            id="missing-file",
        ),
        pytest.param(
            "features --daily --sql duckdb",
            "give either --sql, which computes nothing, or --daily.",
            id="a-query-every-night",
        ),
        pytest.param(
            "import --mapping nowhere.yaml --events events.csv",
            "here/nowhere.yaml cannot be read: No such file or directory. Check the path, or write",
            id="missing-mapping",
        ),
        pytest.param(
            "import --mapping misspelt.yaml --events events.csv",
            "field time: no column 'when_bought'; events has the columns order_no, line, bought",
            id="unknown-column",
        ),
        pytest.param(
            "import --mapping blank.yaml --events events.csv",
            "field time: no column 'bougt at'; events has the columns order_no, line, bought",
            id="unknown-column-with-a-blank",
        ),
        pytest.param(
            "import --mapping misspelt.yaml --events events.csv",
            "Did you mean 'bought'?",
            id="nearest-column",
        ),
        pytest.param(
            "publish", "Missing argument 'campaign'. See `sendwise publish --help`.", id="usage"
        ),
        pytest.param(
            "serve --port 99999",
            "--port must be at most 65535. See `sendwise serve --help`.",
            id="too-high-a-port",
        ),
        pytest.param("serve --port x", "--port must be a whole number.", id="no-port"),
        pytest.param(
            "nonsense", "No such command 'nonsense'. See `sendwise --help`.", id="no-command"
        ),
        pytest.param(
            "import --mapping shop.yaml --events undated.csv",
            "none of the 1 rows of undated.csv can be used; 1 of them: unreadable time",
            id="unreadable-date",
        ),
        pytest.param("score --as-of 31/12/2017", "is not a date", id="unreadable-as-of"),
        pytest.param(
            "import --mapping shop.yaml --events events.csv --products empty.csv",
            "the catalogue is empty: empty.csv holds no data row",
            id="empty-catalogue",
        ),
        pytest.param("features --as-of 2016-01-01", "before 2016-01-01", id="features-too-early"),
        pytest.param(
            "train propensity --as-of 2016-01-01", "begin 2017-10-01", id="propensity-too-early"
        ),
        pytest.param(
            "train clusters --as-of 2016-01-01", "begin 2017-10-01", id="clusters-too-early"
        ),
        pytest.param(
            "train recommender --as-of 2016-01-01", "before 2016", id="recommender-too-early"
        ),
        pytest.param("score --as-of 2016-01-01", "before 2016-01-01", id="score-too-early"),
        pytest.param(
            "drift --reference 2016-01 --current 2017-11",
            "--reference '2016-01'",
            id="drift-too-early",
        ),
        pytest.param(
            "train clusters --as-of 2017-10-02",
            "customers who ordered, 200 are needed",
            id="clusters-of-too-few",
        ),
        pytest.param(
            "train propensity --as-of 2017-10-02", "are needed", id="propensity-of-too-few"
        ),
        pytest.param(
            "train recommender --as-of 2017-10-02",
            "1 day of orders, 61 are needed",
            id="recommender-of-too-few",
        ),
        pytest.param(
            "evaluate recommender --train products.csv --test products.csv --time-column at",
            "products.csv needs columns ['at', 'item', 'user']; got [",
            id="evaluate-unknown-columns",
        ),
        pytest.param("train hamsters", "no model 'hamsters'", id="unknown-model"),
        pytest.param(
            "publish spring",
            "here/conf/campaigns. There is: weekly_picks.",
            id="publish-unknown-campaign",
        ),
        pytest.param("preview spring", "no campaign 'spring'", id="preview-unknown-campaign"),
        pytest.param(
            "send spring --transport outbox",
            "There is: weekly_picks",
            id="send-unknown-campaign",
        ),
    ],
)
def test_it_is_said_in_one_line_and_nothing_changes(
    folder: Path,
    words: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert says in refused(folder, words, monkeypatch, capsys)


def test_a_wrong_currency(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENDWISE_CURRENCY", "EUR")

    said = refused(folder, "import --mapping shop.yaml --events events.csv", monkeypatch, capsys)

    assert "has the currency GBP, the workspace EUR, and there is no rate" in said


def test_a_port_in_use(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = refused(folder, f"serve --port {port}", monkeypatch, capsys)

    assert f"cannot listen on 127.0.0.1 port {port}" in said
    assert f"sendwise serve --port {port + 1}" in said


def test_a_service_that_is_down(
    folder: Path,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    EventLog(folder / "home" / "events.db").close()
    monkeypatch.setenv("SENDWISE_SERVICE_URL", f"http://127.0.0.1:{closed_port}")

    said = refused(folder, "send weekly_picks --transport outbox", monkeypatch, capsys)

    assert f"127.0.0.1:{closed_port}" in said
    assert "sendwise serve" in said


def test_a_broken_template(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = folder / "conf" / "campaigns" / "weekly_picks" / "blocks" / "hero_season.mjml"
    block.write_text("<mj-section>{% if %}")

    for command in ("publish", "preview"):
        said = refused(folder, f"{command} weekly_picks --as-of 2017-12-01", monkeypatch, capsys)
        assert "hero_season.mjml line 1" in said


@pytest.mark.parametrize("words", ["features --as-of 2017-12-01", "train clusters"])
@pytest.mark.parametrize("harm", ["cut off", "garbage", "garbage within"])
def test_a_damaged_file_of_the_lake_is_named(
    folder: Path,
    words: str,
    harm: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = sorted((folder / "home" / "lake" / "events").rglob("*.parquet"))[7]
    whole = file.read_bytes()
    within = whole[:4] + b"\xff" * 1_000 + whole[1_004:]
    harmed = {"cut off": whole[:999], "garbage": b"x" * 999, "garbage within": within}
    file.write_bytes(harmed[harm])

    said = refused(folder, words, monkeypatch, capsys)

    assert f"{file.relative_to(folder)} is damaged: " in said


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("nowhere.csv", "nowhere.csv does not exist. Check the path."),
        ("products.csv", "products.csv: there is no column 'day' among sku, name, "),
    ],
)
def test_a_context_that_is_none(
    folder: Path,
    file: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "home" / "products.csv").write_text(PRODUCTS)
    monkeypatch.setenv("SENDWISE_CONTEXT", file)

    said = refused(folder, "features --as-of 2017-12-01", monkeypatch, capsys)

    assert says in said
