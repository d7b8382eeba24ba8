"""Who may be learnt from: consent is checked where data is used."""

from __future__ import annotations

from datetime import datetime

import duckdb

from core.clock import to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from privacy.consent import MODEL_TRAINING, ConsentLedger


def learnable(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> list[str]:
    """Return the customers who consent to `model_training` as of `as_of`, sorted.

    The ledger of the workspace decides; a lake without one brings its own consents. Of two
    entries at the same instant the one that forbids wins.

    Raises:
        NotEnoughDataError: There are customers, and none of them does.
    """
    known = [
        str(row[0])
        for row in connection.execute(
            "SELECT DISTINCT customer_id FROM events"
            " WHERE customer_id IS NOT NULL AND ts_us < $1 ORDER BY 1",
            [to_us(as_of)],
        ).fetchall()
    ]
    allowed = _consenting(settings, connection, known, as_of=as_of)
    if known and not allowed:
        raise NotEnoughDataError(
            f"nobody has consented to {MODEL_TRAINING} before {as_of:%Y-%m-%d}, and the default "
            "is no. Import the consents you have: section `consents` of the mapping, --consents F."
        )
    return allowed


def _consenting(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    known: list[str],
    *,
    as_of: datetime,
) -> list[str]:
    ledger = settings.home / "events.db"
    if ledger.is_file():
        consents = ConsentLedger(ledger)
        try:
            return sorted(consents.granted_many(known, MODEL_TRAINING, as_of))
        finally:
            consents.close()
    rows = connection.execute(
        "SELECT customer_id FROM consents WHERE purpose = $1 AND ts_us <= $2"
        " GROUP BY customer_id HAVING arg_max(granted, (ts_us, NOT granted))",
        [MODEL_TRAINING, to_us(as_of)],
    ).fetchall()
    granted = {row[0] for row in rows}
    return [each for each in known if each in granted]
