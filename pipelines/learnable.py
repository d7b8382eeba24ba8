"""Who agreed to what is about to happen: consent is checked where data is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from core.clock import to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from privacy.consent import MODEL_TRAINING, ConsentLedger


def consenting(
    settings: Settings, customer_ids: Sequence[str], purpose: str, *, as_of: datetime
) -> set[str]:
    """Return those of `customer_ids` who allow `purpose` at `as_of`; no ledger: nobody."""
    path = settings.home / "events.db"
    if not path.is_file():  # opening it would make one
        return set()
    ledger = ConsentLedger(path)
    try:
        return ledger.granted_many(customer_ids, purpose, as_of)
    finally:
        ledger.close()


def learnable(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> list[str]:
    """Return the customers who consent to `model_training` as of `as_of`, sorted.

    Raises:
        NotEnoughDataError: There are customers, and none of them does.
    """
    known = [
        str(row[0])
        for row in connection.execute(
            "SELECT DISTINCT customer_id FROM events WHERE customer_id IS NOT NULL AND ts_us < $1",
            [to_us(as_of)],
        ).fetchall()
    ]
    allowed = consenting(settings, known, MODEL_TRAINING, as_of=as_of)
    if known and not allowed:
        raise nobody(MODEL_TRAINING, as_of)
    return sorted(allowed)


def nobody(purpose: str, as_of: datetime) -> NotEnoughDataError:
    """Return the error that says what to do where no customer allows `purpose`."""
    return NotEnoughDataError(
        f"nobody has consented to {purpose} before {as_of:%Y-%m-%d}, and the default is no. "
        "Import the consents you have: section `consents` of the mapping, --consents F."
    )
