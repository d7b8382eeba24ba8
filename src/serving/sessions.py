"""What customers did since the snapshot was made, as the event log tells it: it counts at once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import orjson

from core.clock import to_us
from ingest.contract import ORDER_COMPLETED, PRODUCT_ADDED, PRODUCT_REMOVED, PRODUCT_VIEWED
from ingest.log import EventLog
from profiles.profile import Profile

log = logging.getLogger("bentoml.sendwise")

_KEPT: Final = 50  # products of a session; what came before says little
_READ: Final = 5_000  # lines of all customers that are asked about, the latest
_EVENTS: Final = (PRODUCT_VIEWED, PRODUCT_ADDED, PRODUCT_REMOVED, ORDER_COMPLETED)
_LINES: Final = (
    "SELECT customer_id, event, product_id FROM events JOIN items USING (seq)"
    " WHERE customer_id IN (SELECT value FROM json_each(?)) AND ts_us >= ? AND ts_us < ?"
    " AND event IN (SELECT value FROM json_each(?))"
    " ORDER BY ts_us DESC, seq DESC, position DESC LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Ids of products that somebody looked at, has in the basket, or bought; the latest last."""

    viewed: Sequence[str] = ()
    cart: Sequence[str] = ()
    bought: Sequence[str] = ()


@dataclass(slots=True)
class _Doing:
    """A session as it goes on; of a dictionary only the keys and their order count."""

    viewed: dict[str, None] = field(default_factory=dict)
    cart: dict[str, None] = field(default_factory=dict)
    bought: dict[str, None] = field(default_factory=dict)

    def take(self, event: str, product_id: str) -> None:
        if event == PRODUCT_VIEWED:
            _last(self.viewed, product_id)
        elif event == PRODUCT_ADDED:
            _last(self.cart, product_id)
        else:
            self.cart.pop(product_id, None)
            if event == ORDER_COMPLETED:
                _last(self.bought, product_id)

    def done(self) -> Session:
        return Session(*([*each][-_KEPT:] for each in (self.viewed, self.cart, self.bought)))


def sessions_of(
    events: EventLog, customer_ids: Collection[str], *, since: datetime, until: datetime
) -> dict[str, Session]:
    """Return what some customers did; who did nothing is left out.

    Args:
        events: The log of the workspace.
        customer_ids: Who may be looked at: they consent to personalisation.
        since: From the snapshot on, which knows what was before.
        until: Now; what is dated later has not happened.
    """
    if not customer_ids or since >= until:
        return {}
    try:
        who, what = (orjson.dumps([*each]).decode() for each in (customer_ids, _EVENTS))
        rows = events.rows(_LINES, (who, to_us(since), to_us(until), what, _READ))
    except sqlite3.Error as error:  # nobody is left blank: the snapshot is there
        log.warning("sessions.unreadable error=%r", error)
        return {}
    found: dict[str, _Doing] = {}
    for customer_id, event, product_id in reversed(rows):
        found.setdefault(customer_id, _Doing()).take(event, product_id)
    return {key: doing.done() for key, doing in found.items()}


def joined(known: Session, said: Session) -> Session:
    """Add what a caller says to what is known; a basket that the caller names is the basket."""
    return Session(
        viewed=[*known.viewed, *said.viewed],
        cart=said.cart or known.cart,
        bought=[*known.bought, *said.bought],
    )


def with_purchases(profile: Profile, session: Session | None, *, age_days: float) -> Profile:
    """Add what was bought since the snapshot to what was bought before it.

    Args:
        profile: Of the snapshot, whose days are counted back from it.
        session: Since then.
        age_days: Of the snapshot: so many days after it the purchases count as made.
    """
    if session is None or not session.bought:
        return profile
    latest = dict.fromkeys(reversed(session.bought), -int(age_days))
    return replace(profile, bought={**latest, **profile.bought, **latest})


def _last(ids: dict[str, None], product_id: str) -> None:
    ids.pop(product_id, None)
    ids[product_id] = None
