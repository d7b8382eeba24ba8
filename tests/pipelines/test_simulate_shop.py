from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import Settings
from ingest.contract import EVENTS
from ingest.lake import connect
from ingest.log import EventLog
from pipelines import simulate_shop as module
from pipelines.build_features import build_features
from pipelines.cli import main
from pipelines.outcome import Outcome
from pipelines.simulate_shop import simulate_shop
from privacy.consent import MODEL_TRAINING, ConsentLedger

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Outcome]:
    """A small shop, and what was said of it."""
    settings = Settings(home=tmp_path_factory.mktemp("made") / "new" / "home")
    return settings, simulate_shop(settings, as_of=AS_OF, customers=400, days=90, seed=3)


def test_makes_a_lake_that_the_others_read(made: tuple[Settings, Outcome]) -> None:
    settings, outcome = made

    with connect(settings.home) as db:
        events = db.sql("FROM events")
        assert events.columns == EVENTS.names
        assert db.sql("SELECT count(*) FROM events").fetchall() == [(outcome.data["events"],)]
        assert db.sql("SELECT DISTINCT source FROM consents").fetchall() == [("simulator",)]
    assert {path.name for path in settings.home.iterdir()} == {"lake", "truth", "events.db"}


def test_says_what_was_made_and_how_fast(made: tuple[Settings, Outcome]) -> None:
    _, outcome = made
    data = outcome.data
    by_event = data["by_event"]

    assert isinstance(by_event, dict)
    assert outcome.title == "A shop of 400 customers over 90 days, seed 3"
    assert sum(by_event.values()) == data["events"]
    assert [tuple(row) for row in outcome.rows] == list(by_event.items())
    assert f"{data['events']:,} events in " in outcome.notes[0]
    assert {"customers": 400, "days": 90, "seed": 3}.items() <= data.items()


def test_features_and_the_ledger_work_on_it(made: tuple[Settings, Outcome]) -> None:
    settings, _ = made

    features = build_features(settings, as_of=AS_OF)

    customers = features.data["customers"]
    assert isinstance(customers, int)
    assert 150 < customers < 400
    with closing(EventLog(settings.home / "events.db")) as log:
        assert (log.currency, log.timezone) == ("EUR", "Europe/Berlin")
    ledger = ConsentLedger(settings.home / "events.db")
    ids = [f"c{number:08}" for number in range(400)]
    granted = ledger.granted_many(ids, MODEL_TRAINING, AS_OF)
    ledger.close()
    with connect(settings.home) as db:
        said = db.sql(
            f"SELECT customer_id FROM consents WHERE granted AND purpose = '{MODEL_TRAINING}'"  # noqa: S608  # ours
        ).fetchall()
    assert granted == {customer for (customer,) in said}


@pytest.mark.parametrize("there", ["events.db", "lake", "truth"])
def test_a_workspace_with_data_is_left_alone(there: str, tmp_path: Path) -> None:
    (tmp_path / there).mkdir()

    with pytest.raises(ConfigError, match=f"{there} is there already.*Name another"):
        simulate_shop(Settings(home=tmp_path), as_of=AS_OF, customers=10, days=2, seed=1)

    assert [path.name for path in tmp_path.iterdir()] == [there]


@pytest.mark.parametrize("fails", ["simulate", "_record_consents"])
def test_after_an_interruption_nothing_is_there(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(module, fails)

    def interrupted(*given: object, **named: object) -> None:
        original(*given, **named)
        raise KeyboardInterrupt

    (tmp_path / "secret.key").write_text("kept")
    monkeypatch.setattr(module, fails, interrupted)

    with pytest.raises(KeyboardInterrupt):
        simulate_shop(Settings(home=tmp_path), as_of=AS_OF, customers=50, days=10, seed=1)

    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sendwise", "--home", str(tmp_path / "x"), *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_the_command_says_it_in_one_line_of_json(command: Run, tmp_path: Path) -> None:
    code, out, _ = command(
        *("simulate", "--customers", "30", "--days", "20", "--seed", "9"),
        *("--as-of", "2024-03-01", "--json"),
    )

    said = json.loads(out)
    assert code == 0
    assert said["status"] == "done"
    assert said["as_of"] == "2024-03-01T00:00:00+00:00"
    assert Path(said["lake"]) == tmp_path / "x" / "lake"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--customers", "0"), "--customers must be between 1 and 10,000,000, got 0"),
        (("--days", "9999"), "--days must be between 1 and 3,650, got 9,999"),
        (("--events-per-customer", "0"), "--events-per-customer must be between 1 and 1,000"),
        (("--days", "many"), "--days must be a whole number"),
        (("--as-of", "soon"), "--as-of 'soon' is not a date"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    words: tuple[str, ...], says: str, command: Run, tmp_path: Path
) -> None:
    code, out, err = command("simulate", *words)

    assert code == 2
    assert says in " ".join(err.split())
    assert err.count("\n") == 1
    assert out == ""
    assert not (tmp_path / "x").exists()
