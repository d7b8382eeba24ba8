"""The audience of a campaign: everybody with an address who agreed to be mailed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from core.errors import NotReadyError
from ingest.log import EventLog
from privacy.consent import EMAIL_MARKETING, ConsentLedger

_PAGE: Final = 1_000  # customers read at a time
_ADDRESSES: Final = pa.schema([("customer_id", pa.string()), ("email", pa.string())])


@dataclass(frozen=True, slots=True)
class Recipient:
    """A customer who may be mailed, and where."""

    customer_id: str
    email: str


def audience(home: Path, *, as_of: datetime, limit: int | None = None) -> Iterator[Recipient]:
    """Stream who may get a campaign, by customer id: the same people in the same order each time.

    Args:
        home: The workspace.
        as_of: Consent to `email_marketing` is that of this instant.
        limit: At most so many, the first by customer id.

    Raises:
        NotReadyError: Nothing has been imported into `home` yet.
    """
    path = home / "events.db"
    if not path.exists():
        raise NotReadyError(f"no customers in {home}. Run `sendwise import` first.")
    return islice(_consenting(path, as_of), limit)


def _consenting(path: Path, as_of: datetime) -> Iterator[Recipient]:
    log, ledger = EventLog(path), ConsentLedger(path)
    try:
        after = ""
        while True:
            page = log.read(
                "SELECT customer_id, email FROM customers"
                " WHERE email <> '' AND customer_id > ? ORDER BY customer_id LIMIT ?",
                _ADDRESSES,
                (after, _PAGE),
            ).to_pylist()
            if not page:
                return
            after = page[-1]["customer_id"]
            allowed = ledger.granted_many(
                [row["customer_id"] for row in page], EMAIL_MARKETING, as_of
            )
            for row in page:
                if row["customer_id"] in allowed:
                    yield Recipient(row["customer_id"], row["email"])
    finally:
        ledger.close()
        log.close()
