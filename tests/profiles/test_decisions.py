from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from profiles.decisions import DecisionLog, LoggedDecision, render_decision_id

SLOW = timedelta(seconds=1)
QUICK = timedelta(milliseconds=50)


def decision(customer_id: str = "ann", send_id: str = "s1", **body: object) -> LoggedDecision:
    return LoggedDecision(
        decision_id=render_decision_id("weekly", send_id, customer_id),
        kind="render",
        campaign_id="weekly",
        customer_id=customer_id,
        send_id=send_id,
        body=body or {"rung": "snapshot"},
        ts_us=1,
    )


def written(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT customer_id FROM decisions ORDER BY customer_id")
        return [row[0] for row in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.db"


@pytest.fixture
def log(path: Path) -> Iterator[DecisionLog]:
    log = DecisionLog(path, delay=SLOW)
    yield log
    log.close()


def test_a_waiting_decision_is_found_before_it_is_written(path: Path, log: DecisionLog) -> None:
    log.keep([decision()])

    assert written(path) == []
    assert log.find("weekly", "s1", ["ann", "bob"]) == {"ann": decision()}


def test_a_decision_is_on_disk_within_its_delay(path: Path) -> None:
    log = DecisionLog(path, delay=QUICK)
    log.keep([decision()])

    deadline = time.monotonic() + 1
    while not written(path) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert written(path) == ["ann"]
    log.close()


def test_closing_writes_what_waits_and_a_new_process_finds_it(path: Path) -> None:
    first = DecisionLog(path, delay=SLOW)
    first.keep([decision(rung="popular", products=["p1"])])
    first.close()
    first.close()  # a second time does nothing

    second = DecisionLog(path, delay=SLOW)
    found = second.find("weekly", "s1", ["ann"])
    second.close()

    assert found["ann"].body == {"rung": "popular", "products": ["p1"]}


def test_the_first_decision_of_a_send_counts_whoever_comes_later(path: Path) -> None:
    one, other = DecisionLog(path, delay=SLOW), DecisionLog(path, delay=SLOW)
    one.keep([decision(rung="snapshot")])
    one.keep([decision(rung="static")])
    one.flush()
    other.keep([decision(rung="popular")])
    other.flush()
    found = other.find("weekly", "s1", ["ann"])
    one.close()
    other.close()

    assert found["ann"].body == {"rung": "snapshot"}


def test_another_send_is_another_decision(log: DecisionLog) -> None:
    log.keep([decision(send_id="s1"), decision(send_id="s2")])
    log.flush()

    assert set(log.find("weekly", "s2", ["ann"])) == {"ann"}
    assert log.find("weekly", "s3", ["ann"]) == {}


def test_what_waits_is_bounded(path: Path) -> None:
    log = DecisionLog(path, delay=SLOW, capacity=10)
    log.keep(decision(f"c{number:02}") for number in range(11))

    assert len(written(path)) == 11  # written by the caller, without waiting for the delay
    log.close()


def test_a_refusing_disk_stops_nothing_and_keeps_up_to_the_capacity(path: Path) -> None:
    log = DecisionLog(path, delay=SLOW, capacity=3)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE decisions RENAME TO elsewhere")

    log.keep(decision(f"c{number}") for number in range(5))

    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO decisions")
    assert set(log.find("weekly", "s1", [f"c{n}" for n in range(5)])) == {"c2", "c3", "c4"}
    log.close()
    assert written(path) == ["c2", "c3", "c4"]


def test_ids_of_any_script_are_kept(log: DecisionLog) -> None:
    log.keep([decision("Žofie 🛒/%")])
    log.flush()

    assert set(log.find("weekly", "s1", ["Žofie 🛒/%"])) == {"Žofie 🛒/%"}


@pytest.mark.parametrize("body", [b"", b"{cut", b"\xff", b"[]"])
def test_a_body_that_cannot_be_read_counts_as_absent_and_names_nobody(
    path: Path, log: DecisionLog, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    log.keep([decision("zelmira"), decision("bob")])
    log.flush()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE decisions SET body = ? WHERE customer_id = 'zelmira'", (body,))

    assert log.find("weekly", "s1", ["zelmira", "bob"]) == {"bob": decision("bob")}
    assert "decision.unreadable" in caplog.text
    assert "zelmira" not in caplog.text
