"""The consent ledger: append-only, default deny.

The latest entry of a customer and purpose at or before an instant says what is allowed then.
Nothing is ever changed or removed by a later entry, so any past moment can be answered for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Final

from core.clock import to_us
from core.database import open_database, transaction
from core.errors import DataError

EMAIL_MARKETING: Final = "email_marketing"
PERSONALISATION: Final = "personalisation"
ANALYTICS: Final = "analytics"
MODEL_TRAINING: Final = "model_training"
PURPOSES: Final = (EMAIL_MARKETING, PERSONALISATION, ANALYTICS, MODEL_TRAINING)

# The key holds `granted` too: a withdrawal is never swallowed by a grant of the same instant.
_DDL = """
CREATE TABLE IF NOT EXISTS consents (
    id INTEGER PRIMARY KEY,
    customer_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    granted INTEGER NOT NULL,
    lawful_basis TEXT NOT NULL,
    source TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    ts_us INTEGER NOT NULL,
    UNIQUE (customer_id, purpose, ts_us, source, granted)
)
"""


@dataclass(frozen=True, slots=True)
class Consent:
    """One entry: what a customer allowed or forbade, on what basis, and when."""

    customer_id: str
    purpose: str
    granted: bool
    lawful_basis: str
    source: str
    policy_version: str
    ts_us: int


_FIELDS: Final = attrgetter(*(field.name for field in fields(Consent)))


class ConsentLedger:
    """The ledger in one SQLite file, which may hold other tables too. Safe to share by threads."""

    def __init__(self, path: Path, *, wait_s: float = 30) -> None:
        """Open the ledger at `path`; file and table are made where they are not there yet.

        `wait_s` is how long an entry waits for another process that writes the file.
        """
        self._lock = threading.Lock()
        self._db = open_database(path, wait_s=wait_s)
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'consents'").fetchone():
            self._db.execute(_DDL)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def record(self, rows: Iterable[Consent]) -> int:
        """Append entries in one transaction; return how many were new.

        An entry that the ledger already holds adds nothing, so an import can be repeated.

        Raises:
            DataError: A purpose is unknown; then nothing is recorded.
        """
        return self.record_many(map(_FIELDS, rows))

    def record_many(self, rows: Iterable[tuple[object, ...]]) -> int:
        """Append entries given as tuples of the fields of `Consent`; see `record`.

        A million of them take seconds, where making a million objects first takes a minute.
        """
        entries = list(rows)
        if unknown := {entry[1] for entry in entries} - set(PURPOSES):
            raise DataError(
                f"unknown purpose {sorted(map(str, unknown))}. Purposes are {', '.join(PURPOSES)}."
            )
        with self._lock, transaction(self._db) as db:
            before = db.total_changes
            db.executemany(
                "INSERT OR IGNORE INTO consents (customer_id, purpose, granted, lawful_basis,"
                " source, policy_version, ts_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
                entries,
            )
            return db.total_changes - before

    def granted(self, customer_id: str, purpose: str, as_of: datetime) -> bool:
        """Say whether `customer_id` allows `purpose` at `as_of`; without an entry: no."""
        return customer_id in self.granted_many([customer_id], purpose, as_of)

    def granted_many(self, customer_ids: Sequence[str], purpose: str, as_of: datetime) -> set[str]:
        """Return those of `customer_ids` who allow `purpose` at `as_of`.

        Of two entries at the same instant the one that forbids wins.

        Raises:
            DataError: `purpose` is unknown.
        """
        if purpose not in PURPOSES:
            raise DataError(f"unknown purpose {purpose!r}. Purposes are {', '.join(PURPOSES)}.")
        with self._lock:
            rows = self._db.execute(
                "SELECT asked.value FROM json_each(?) AS asked WHERE (SELECT granted FROM consents"
                " WHERE customer_id = asked.value AND purpose = ? AND ts_us <= ?"
                " ORDER BY ts_us DESC, granted LIMIT 1) = 1",
                (json.dumps(list(customer_ids)), purpose, to_us(as_of)),
            ).fetchall()
        return {row[0] for row in rows}

    def withdraw(self, customer_id: str, purpose: str, source: str, at: datetime) -> None:
        """Append that `customer_id` no longer allows `purpose` from `at` on."""
        entry = Consent(
            customer_id=customer_id,
            purpose=purpose,
            granted=False,
            lawful_basis="withdrawn",
            source=source,
            policy_version="",
            ts_us=to_us(at),
        )
        self.record([entry])
