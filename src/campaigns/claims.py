"""Claims: the memory of a send, so that nobody is mailed twice whatever is killed when.

A recipient is claimed before anything is handed over for them and marked after. States go
`claimed` -> `handing_over` -> `sent`, `refused` or `unknown`; who may not be mailed is `skipped`.
`handing_over` is on disk before the first byte leaves, so after a crash it means: perhaps sent.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from core.database import open_database, transaction
from core.errors import ConfigError
from core.ids import digest

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

# The instant is the send's own clock, as everywhere: of the last change of state.
_DDL: Final = """
CREATE TABLE IF NOT EXISTS sends (
    campaign TEXT NOT NULL,
    send_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    state TEXT NOT NULL,
    message_id TEXT,
    why TEXT,
    ts_us INTEGER NOT NULL,
    PRIMARY KEY (campaign, send_id, customer_id)
) WITHOUT ROWID
"""
_LOST: Final = "the sender stopped during the hand-over"


class State(StrEnum):
    """How far one recipient of a send has come."""

    CLAIMED = "claimed"  # ours to mail, nothing has left yet
    HANDING_OVER = "handing_over"
    SENT = "sent"
    REFUSED = "refused"  # for good
    SKIPPED = "skipped"  # the service said not to
    UNKNOWN = "unknown"  # perhaps sent: never repeated


class Verdict(StrEnum):
    """What an operator found out about an unknown outcome."""

    SENT = "sent"  # it arrived
    AGAIN = "again"  # it did not: the next run of the send mails them


@dataclass(frozen=True, slots=True)
class Claim:
    """One recipient of a send."""

    customer_id: str
    state: State
    message_id: str | None = None
    why: str | None = None


class Claims:
    """The claims of one send, held by one process at a time.

    Use as a context manager. Entering takes the lock, and turns what a dead process left in
    `handing_over` into `unknown`.

    Args:
        home: The workspace; claims live in its `events.db`.
        campaign: Id of the campaign.
        send_id: Names the send. The same id again continues it.
        ts_us: The instant that changes of state are booked at.
    """

    def __init__(self, home: Path, campaign: str, send_id: str, *, ts_us: int) -> None:
        for what, name in (("campaign", campaign), ("send id", send_id)):
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{what} {name!r} cannot be used: write letters, digits, '_', '.' and '-', "
                    "at most 100, not starting with a dot or dash."
                )
        self._home = home
        self._key = (campaign, send_id)
        self._ts_us = ts_us

    def __enter__(self) -> Self:
        self._lock = self._locked()
        try:
            self._db = open_database(self._home / "events.db")
            self._db.execute(_DDL)
            self._db.execute(
                "UPDATE sends SET state = ?, why = ?"
                " WHERE campaign = ? AND send_id = ? AND state = ?",
                (State.UNKNOWN, _LOST, *self._key, State.HANDING_OVER),
            )
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._lock.close()

    def states(self) -> dict[str, State]:
        """Return the state of every recipient booked so far."""
        rows = self._db.execute(
            "SELECT customer_id, state FROM sends WHERE campaign = ? AND send_id = ?", self._key
        )
        return {customer_id: State(state) for customer_id, state in rows}

    def listed(self, *states: State) -> list[Claim]:
        """Return the recipients in one of `states`, by customer id."""
        rows = self._db.execute(
            "SELECT customer_id, state, message_id, why FROM sends"  # noqa: S608  # marks only
            f" WHERE campaign = ? AND send_id = ? AND state IN ({','.join('?' * len(states))})"
            " ORDER BY customer_id",
            (*self._key, *states),
        )
        return [Claim(row[0], State(row[1]), row[2], row[3]) for row in rows]

    def counts(self) -> dict[tuple[State, str], int]:
        """Return how many recipients are in each state, for each reason ("" for none)."""
        rows = self._db.execute(
            "SELECT state, coalesce(why, ''), count(*) FROM sends"
            " WHERE campaign = ? AND send_id = ? GROUP BY 1, 2 ORDER BY 1, 2",
            self._key,
        )
        return {(State(state), why): count for state, why, count in rows}

    def book(self, claims: Iterable[Claim]) -> None:
        """Write the state of recipients, all in one durable commit."""
        rows = [
            (*self._key, each.customer_id, each.state, each.message_id, each.why, self._ts_us)
            for each in claims
        ]
        with transaction(self._db) as db:
            db.executemany("INSERT OR REPLACE INTO sends VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _locked(self) -> IO[str]:
        """Take the send's lock; the system gives it back when this process ends, however."""
        folder = self._home / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f"send-{digest(*self._key)}.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "?"
            file.close()
            campaign, send_id = self._key
            raise ConfigError(
                f"send {send_id!r} of {campaign!r} is already running (process {holder}). "
                "Wait for it to end, or stop it; then run the command again."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file
