"""Who may be learnt from: consent is checked where data is used."""

from __future__ import annotations

from datetime import datetime

import duckdb

from core.clock import to_us
from core.settings import Settings
from privacy.consent import MODEL_TRAINING, ConsentLedger


def learnable(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> list[str]:
    """Return the customers who consent to `model_training` as of `as_of`, sorted.

    The ledger of the workspace decides; a lake without one brings its own consents. Of two
    entries at the same instant the one that forbids wins.
    """
    ledger = settings.home / "events.db"
    if ledger.is_file():
        known = connection.execute(
            "SELECT DISTINCT customer_id FROM events WHERE customer_id IS NOT NULL ORDER BY 1"
        ).fetchall()
        consents = ConsentLedger(ledger)
        try:
            return sorted(consents.granted_many([row[0] for row in known], MODEL_TRAINING, as_of))
        finally:
            consents.close()
    rows = connection.execute(
        "SELECT customer_id FROM consents WHERE purpose = $1 AND ts_us <= $2"
        " GROUP BY customer_id HAVING arg_max(granted, (ts_us, NOT granted)) ORDER BY customer_id",
        [MODEL_TRAINING, to_us(as_of)],
    ).fetchall()
    return [row[0] for row in rows]
