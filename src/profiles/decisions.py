"""The decision log: what was chosen for whom, why, and by which versions.

`decisions.db` (SQLite, WAL). Decisions are written in the background, a moment after they
were made: a crash may lose the last `settings.decision_delay` (at most a second), a clean
stop loses nothing. Of a send, the first decision per campaign and customer counts for good,
across restarts and processes; a later one for the same key is ignored.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import orjson

from core.database import open_database, transaction
from core.ids import digest

log = logging.getLogger(__name__)

Kind = Literal["render", "recommend"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS decisions (
    decision_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    campaign_id TEXT,
    customer_id TEXT NOT NULL,
    send_id TEXT,
    body BLOB NOT NULL,
    ts_us INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS one_per_send
    ON decisions (campaign_id, send_id, customer_id) WHERE kind = 'render';
"""
_COLUMNS: Final = "decision_id, kind, campaign_id, customer_id, send_id, body, ts_us"
_RETRY_S: Final = 1.0
_WAIT_S: Final = 5.0  # for another process; content must not wait longer
_WRITE_SHARE: Final = 0.8  # of the delay: the rest is for the write itself


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecision:
    """One decision as it is kept.

    `body` is JSON-able: blocks, products, reasons, rung, model versions, feature cut-off and
    the consents it rests on. `campaign_id` and `send_id` are None for a recommendation.
    """

    decision_id: str
    kind: Kind
    customer_id: str
    body: dict[str, object]
    ts_us: int
    campaign_id: str | None = None
    send_id: str | None = None


def render_decision_id(campaign_id: str, send_id: str, customer_id: str) -> str:
    """Return the id of the one decision a customer has in a send: the same in every process."""
    return digest("render", campaign_id, send_id, customer_id, length=24)


class DecisionLog:
    """Keeps decisions. May be shared by threads, and the file by processes.

    Args:
        path: The SQLite file; made when missing.
        delay: How long a decision may wait in memory before it is written.
        capacity: How many may wait; past it the caller writes them itself.
    """

    def __init__(self, path: Path, *, delay: timedelta, capacity: int = 20_000) -> None:
        self._delay_s = delay.total_seconds() * _WRITE_SHARE
        self._capacity = capacity
        self._writer = open_database(path, wait_s=_WAIT_S)
        self._writer.executescript(_SCHEMA)
        self._reader = open_database(path, wait_s=_WAIT_S)
        self._waiting: dict[str, LoggedDecision] = {}  # by decision_id, oldest first
        self._waiting_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._refused = False
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    def find(
        self, campaign_id: str, send_id: str, customer_ids: Sequence[str]
    ) -> dict[str, LoggedDecision]:
        """Return the decision each customer already has in a send, waiting ones included.

        One whose body cannot be read counts as not there: it must not stop a whole batch.
        """
        keys = {render_decision_id(campaign_id, send_id, each): each for each in customer_ids}
        with self._waiting_lock:
            found = {keys[key]: self._waiting[key] for key in keys if key in self._waiting}
        if missing := [key for key, customer_id in keys.items() if customer_id not in found]:
            with self._read_lock:
                rows = self._reader.execute(
                    f"SELECT {_COLUMNS} FROM decisions"  # noqa: S608  # a constant of ours
                    " WHERE decision_id IN (SELECT value FROM json_each(?))",
                    (orjson.dumps(missing).decode(),),
                ).fetchall()
            read = (each for each in map(_from_row, rows) if each)
            found.update((each.customer_id, each) for each in read)
        return found

    def keep(self, decisions: Iterable[LoggedDecision]) -> None:
        """Take decisions to be written soon; one whose id already waits is ignored."""
        with self._waiting_lock:
            for each in decisions:
                self._waiting.setdefault(each.decision_id, each)
            is_full = len(self._waiting) > self._capacity
        if is_full:
            self.flush()
        self._something.set()

    def flush(self) -> None:
        """Write everything that waits, now.

        When the disk refuses, what waits stays in memory up to the capacity, the oldest go,
        and an error is logged: content is still served.
        """
        with self._write_lock:
            with self._waiting_lock:
                batch = list(self._waiting.values())
            if not batch:
                return
            try:
                self._write(batch)
            except sqlite3.Error as error:
                log.error("decisions.not_written waiting=%d error=%s", len(batch), error)  # noqa: TRY400  # the cause is the disk, not this line
                self._refused = True
                batch = batch[: max(0, len(batch) - self._capacity)]
                if batch:
                    log.error("decisions.lost count=%d", len(batch))  # noqa: TRY400
            else:
                self._refused = False
            with self._waiting_lock:
                for each in batch:
                    self._waiting.pop(each.decision_id, None)

    def close(self) -> None:
        """Write what waits and release the file."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._something.set()
        self._thread.join()
        self.flush()
        self._writer.close()
        self._reader.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._something.wait()
            self._something.clear()
            self._closing.wait(self._delay_s)  # others join this write meanwhile
            self.flush()
            if self._waiting:  # a refusing disk, or new ones meanwhile
                self._closing.wait(_RETRY_S if self._refused else 0)
                self._something.set()

    def _write(self, batch: Sequence[LoggedDecision]) -> None:
        with transaction(self._writer) as db:
            db.executemany(
                f"INSERT OR IGNORE INTO decisions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    (
                        each.decision_id,
                        each.kind,
                        each.campaign_id,
                        each.customer_id,
                        each.send_id,
                        orjson.dumps(each.body, option=orjson.OPT_SERIALIZE_NUMPY),
                        each.ts_us,
                    )
                    for each in batch
                ),
            )


def _from_row(
    row: tuple[str, Kind, str | None, str, str | None, bytes, int],
) -> LoggedDecision | None:
    decision_id, kind, campaign_id, customer_id, send_id, body, ts_us = row
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        log.warning("decision.unreadable id=%s", decision_id)  # its id names nobody
        return None
    return LoggedDecision(
        decision_id=decision_id,
        kind=kind,
        campaign_id=campaign_id,
        customer_id=customer_id,
        send_id=send_id,
        body=read,
        ts_us=ts_us,
    )
