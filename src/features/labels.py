"""Labels: what customers did in the time after a cut-off, or after a mailing.

A label looks at [cut-off, cut-off + horizon): what features must not see. Machine events count
nothing, as in features, and amounts are brought to the base currency by the same expression.
"""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import ibis
import pandas as pd

from core import columns as c
from core.clock import DAY_US, MICROSECOND, to_us
from core.errors import ConfigError, DataError
from features.affinity import DEPARTMENT
from features.columns import exchanged
from features.dialects import printed
from features.engine import clock
from features.shop import Shop
from ingest.contract import (
    CAMPAIGN_SENT,
    COUPON_APPLIED,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    EVENT_NAMES,
    EVENTS,
    ORDER_COMPLETED,
)

_BY_PERSONS: Final = "customer_id IS NOT NULL AND NOT coalesce(is_machine, false)"
_AT_CUTOFFS: Final = (
    " JOIN (SELECT unnest(CAST($cutoffs AS BIGINT[])) AS cutoff_us)"
    " ON ts_us >= cutoff_us AND ts_us < cutoff_us + $horizon"
)
_MAILS: Final = (CAMPAIGN_SENT, EMAIL_DELIVERED)
_ANSWERS: Final = {
    "opened": EMAIL_OPENED,
    "clicked": EMAIL_CLICKED,
    "redeemed": COUPON_APPLIED,
}


def did(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Sequence[datetime],
    horizon: timedelta,
    event: str = ORDER_COMPLETED,
    category: str = "",
) -> pd.DataFrame:
    """Say who did something within [cut-off, cut-off + horizon).

    Args:
        connection: A database with the lake's views `events` and `items`.
        cutoffs: Timezone-aware instants.
        horizon: How far a label looks ahead.
        event: Name of the contract.
        category: Only with a product of this category or one below it; empty: whatever it was.

    Returns:
        `customer_id`, `cutoff_us`, one row per cut-off and customer who did, sorted. Who is
        absent did not.

    Raises:
        ConfigError: The contract has no such event, or a cut-off is naive.
    """
    require_event(event)
    also, given = "", {"event": event, **_span(cutoffs, horizon)}
    if category:
        also = (
            " AND event_id IN (SELECT event_id FROM items"
            " WHERE category = $category OR starts_with(category, $category || '/'))"
        )
        given["category"] = category
    frame = connection.execute(
        f"SELECT DISTINCT customer_id, cutoff_us FROM events{_AT_CUTOFFS}"
        f" WHERE event = $event AND {_BY_PERSONS}{also} ORDER BY cutoff_us, customer_id",
        given,
    ).df()
    return frame.astype({c.CUSTOMER_ID: object, c.CUTOFF_US: "int64"})


def require_event(event: str) -> None:
    """Refuse what the contract does not know: nobody would ever have done it.

    Raises:
        ConfigError: The contract has no such event.
    """
    if event not in EVENT_NAMES:
        raise ConfigError(f"no event {event!r}; the contract has {', '.join(EVENT_NAMES)}.")


def require_category(connection: duckdb.DuckDBPyConnection, category: str) -> None:
    """Refuse a category that no event has named, with those that most have.

    Raises:
        ConfigError: No item is of this category or one below it.
    """
    if connection.execute(
        "SELECT 1 FROM items WHERE category = $1 OR starts_with(category, $1 || '/') LIMIT 1",
        [category],
    ).fetchall():
        return
    known = connection.execute(
        f"SELECT {DEPARTMENT} AS name FROM items WHERE name IS NOT NULL"
        " GROUP BY name ORDER BY count(*) DESC, name LIMIT 5"
    ).fetchall()
    biggest = ", ".join(str(row[0]) for row in known) or "none"
    raise ConfigError(f"no item is of category {category!r}. The biggest are: {biggest}.")


def spent(
    connection: duckdb.DuckDBPyConnection,
    *,
    cutoffs: Sequence[datetime],
    horizon: timedelta,
    shop: Shop | None = None,
) -> pd.DataFrame:
    """Count and add up the orders of [cut-off, cut-off + horizon), refunds not deducted.

    Returns:
        `customer_id`, `cutoff_us`, `orders`, `revenue_minor` (minor units of the base currency),
        one row per cut-off and customer who ordered, sorted. Who is absent spent nothing.

    Raises:
        ConfigError: A cut-off is naive.
        DataError: There are orders in a currency without a rate.
    """
    span = _span(cutoffs, horizon)
    known = clock(connection, shop or Shop(), before_us=span["cutoffs"][-1] + span["horizon"])
    rows = ibis.table(ibis.Schema.from_pyarrow(EVENTS), name="events")
    exact = rows.select(
        *(c.CUSTOMER_ID, "event", "ts_us", "is_machine"),
        revenue_minor=exchanged("value_minor")(rows, known),
    )
    frame = connection.execute(
        "SELECT customer_id, cutoff_us, count(*) AS orders,"
        " CAST(coalesce(sum(revenue_minor), 0) AS DOUBLE) AS revenue_minor"
        f" FROM ({printed(exact, 'duckdb')}){_AT_CUTOFFS} WHERE event = $event AND {_BY_PERSONS}"
        " GROUP BY ALL ORDER BY cutoff_us, customer_id",
        {"event": ORDER_COMPLETED, **span},
    ).df()
    return frame.astype(
        {c.CUSTOMER_ID: object, c.CUTOFF_US: "int64", "orders": "float64"},
    )


def next_orders(
    connection: duckdb.DuckDBPyConnection, *, cutoffs: Sequence[datetime], horizon: timedelta
) -> pd.DataFrame:
    """Say when customers ordered next within [cut-off, cut-off + horizon).

    Returns:
        `customer_id`, `cutoff_us`, `days` (from the cut-off to the first order), one row per
        cut-off and customer who ordered, sorted. Who is absent did not order by then.

    Raises:
        ConfigError: A cut-off is naive.
    """
    frame = connection.execute(
        f"SELECT customer_id, cutoff_us, (min(ts_us) - cutoff_us) / {DAY_US}.0 AS days"
        f" FROM events{_AT_CUTOFFS} WHERE event = $event AND {_BY_PERSONS}"
        " GROUP BY customer_id, cutoff_us ORDER BY cutoff_us, customer_id",
        {"event": ORDER_COMPLETED, **_span(cutoffs, horizon)},
    ).df()
    return frame.astype({c.CUSTOMER_ID: object, c.CUTOFF_US: "int64", "days": "float64"})


def answers(
    connection: duckdb.DuckDBPyConnection,
    *,
    since: datetime,
    before: datetime,
    within: timedelta,
) -> pd.DataFrame:
    """Say of each mail whether its reader opened it, clicked in it, or redeemed a coupon of it.

    An answer belongs to the last mail of its campaign to that customer. Mails of [since, before -
    within] are told of: later ones can still be answered.

    Returns:
        One row per mail: `customer_id`, `campaign_id`, `ts_us` (when it was delivered), `opened`,
        `clicked`, `redeemed` (bool), sorted by time, customer and campaign. A click without an
        open (its picture was blocked) is an open as well.

    Raises:
        ConfigError: An instant is naive.
        DataError: `within` is not positive.
    """
    given: dict[str, object] = {
        "since": to_us(since),
        "before": to_us(before),
        "within": _positive(within),
        "mails": list(_MAILS),
        **_ANSWERS,
    }
    does = {
        name: f"bool_or(answer = ${name}) FILTER (at_us < ts_us + $within)" for name in _ANSWERS
    }
    told = ", ".join(f"coalesce({found}, false) AS {name}" for name, found in does.items())
    frame = connection.execute(
        "WITH mails AS (SELECT DISTINCT customer_id, campaign_id, ts_us FROM events"
        f" WHERE event IN $mails AND campaign_id IS NOT NULL AND {_BY_PERSONS}"
        " AND ts_us >= $since AND ts_us < $before),"
        " answers AS (SELECT customer_id, campaign_id, ts_us AS at_us, event AS answer FROM events"
        f" WHERE event IN ($opened, $clicked, $redeemed) AND {_BY_PERSONS}"
        " AND ts_us >= $since AND ts_us < $before),"
        " matched AS (SELECT a.customer_id, a.campaign_id, m.ts_us, a.at_us, a.answer"
        " FROM answers AS a ASOF JOIN mails AS m ON a.customer_id = m.customer_id"
        " AND a.campaign_id = m.campaign_id AND a.at_us >= m.ts_us),"
        f" told AS (SELECT m.customer_id, m.campaign_id, m.ts_us, {told} FROM mails AS m"
        " LEFT JOIN matched USING (customer_id, campaign_id, ts_us)"
        " WHERE m.ts_us <= $before - $within GROUP BY ALL)"
        " SELECT * REPLACE (opened OR clicked AS opened) FROM told"
        " ORDER BY ts_us, customer_id, campaign_id",
        given,
    ).df()
    return frame.astype({c.CUSTOMER_ID: object, "campaign_id": object, "ts_us": "int64"})


def _span(cutoffs: Sequence[datetime], horizon: timedelta) -> dict[str, Any]:
    return {"cutoffs": sorted({to_us(each) for each in cutoffs}), "horizon": _positive(horizon)}


def _positive(time: timedelta) -> int:
    if time <= timedelta(0):
        raise DataError(f"a label looks ahead, by more than nothing; got {time}.")
    return time // MICROSECOND
