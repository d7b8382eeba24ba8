"""Who agreed to what is about to happen: consent is checked where data is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from core.clock import to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from ingest.contract import ORDER_COMPLETED
from models.fact_count import count_facts
from models.registered import ORDER
from models.sufficiency import Facts, of_whom
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


@dataclass(frozen=True, slots=True)
class Learners:
    """Who may be learnt from, of how many customers with an order."""

    ids: list[str]  # with an order or without, sorted
    buyers: int
    left_out: int  # of the buyers

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say beside what is too little that it is of those only who consent.

        Otherwise "import more orders" sends people the wrong way.
        """
        try:
            yield
        except NotEnoughDataError as error:
            if not self.left_out:
                raise
            of = of_whom(self.buyers - self.left_out, self.buyers)
            raise NotEnoughDataError(f"{error} {of}") from error


def learners(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> Learners:
    """Return the customers who consent to `model_training` as of `as_of`, and how many do not.

    Raises:
        NotEnoughDataError: There are customers, and none of them does.
    """
    found, known = who_allows(settings, connection, as_of=as_of)
    if known and not found.ids:
        raise nobody(MODEL_TRAINING, as_of)
    return found


def who_allows(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> tuple[Learners, int]:
    """Return `learners`, of whom there may be none, and of how many customers."""
    bought = {
        str(customer_id): bool(has_order)
        for customer_id, has_order in connection.execute(
            "SELECT customer_id, bool_or(event = $2) FROM events"
            " WHERE customer_id IS NOT NULL AND ts_us < $1 GROUP BY customer_id",
            [to_us(as_of), ORDER_COMPLETED],
        ).fetchall()
    }
    allowed = consenting(settings, list(bought), MODEL_TRAINING, as_of=as_of)
    buyers = {each for each, has_order in bought.items() if has_order}
    return Learners(sorted(allowed), len(buyers), len(buyers - allowed)), len(bought)


def facts_of(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    allowed: Learners,
    *,
    as_of: datetime,
    horizon: timedelta = ORDER.horizon,
    event: str = ORDER_COMPLETED,
) -> Facts:
    """Count what there is of those who allow it, for `models.sufficiency.require`."""
    return count_facts(
        settings,
        connection,
        allowed.ids,
        as_of=as_of,
        left_out=allowed.left_out,
        horizon=horizon,
        event=event,
    )


def learnable(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, as_of: datetime
) -> list[str]:
    """Return `learners` without the count."""
    return learners(settings, connection, as_of=as_of).ids


def nobody(purpose: str, as_of: datetime) -> NotEnoughDataError:
    """Return the error that says what to do where no customer allows `purpose`."""
    return NotEnoughDataError(
        f"nobody has consented to {purpose} before {as_of:%Y-%m-%d}, and the default is no. "
        "Import the consents you have: section `consents` of the mapping, --consents F."
    )
