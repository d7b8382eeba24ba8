"""Counting what there is to learn from, by two queries: no row of a customer leaves DuckDB."""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from core import columns as c
from core.clock import DAY_US, MICROSECOND, from_us, to_us
from core.errors import NotEnoughDataError
from core.settings import Settings
from features.dataset import cutoffs, first_order
from ingest.contract import (
    CAMPAIGN_SENT,
    COUPON_APPLIED,
    EMAIL_CLICKED,
    EMAIL_DELIVERED,
    EMAIL_OPENED,
    ORDER_COMPLETED,
)
from models.registered import ORDER
from models.sufficiency import LOYAL, Facts

_LEARNERS: Final = "learners"
_MINE: Final = (
    f"SEMI JOIN {_LEARNERS} USING (customer_id) WHERE ts_us < $as_of AND event IN $events"
)
# Mails of one campaign to one customer count as one: fewer than there are, never more.
_COUNTS: Final = f"""
WITH mine AS MATERIALIZED (
    SELECT customer_id, event, ts_us, campaign_id FROM events {_MINE}
    AND NOT coalesce(is_machine, false)),
buyers AS (
    SELECT customer_id, count(*) AS orders, min(ts_us) AS first_us, max(ts_us) AS last_us
    FROM mine WHERE event = $order GROUP BY ALL),
lines AS (
    SELECT customer_id, count(*) AS lines FROM items {_MINE} AND event = $order
    AND product_id IS NOT NULL GROUP BY ALL),
mails AS (
    SELECT bool_or(event IN $opens) AS opened, bool_or(event = $click) AS clicked,
        bool_or(event = $coupon) AS redeemed FROM mine
    WHERE campaign_id IS NOT NULL AND event <> $order
    GROUP BY customer_id, campaign_id HAVING bool_or(event IN $mails))
SELECT * FROM
    (SELECT count(*) AS customers, min(first_us) AS first_us, max(last_us) AS last_us,
        count(*) FILTER (orders >= $loyal) AS loyal FROM buyers),
    (SELECT coalesce(sum(lines), 0)::BIGINT AS interactions,
        count(*) FILTER (lines >= 2) AS repeaters FROM lines),
    (SELECT coalesce(max(ts_us) - min(ts_us), 0) AS mail_us FROM mine WHERE event IN $opens),
    (SELECT count(*) AS mails, count(*) FILTER (opened) AS opened,
        count(*) FILTER (clicked) AS clicked, count(*) FILTER (redeemed) AS redeemed FROM mails)
"""
_EXAMPLES: Final = f"""
WITH mine AS (
    SELECT customer_id, event, ts_us FROM events {_MINE} AND NOT coalesce(is_machine, false)),
buyers AS (
    SELECT customer_id, min(ts_us) AS first_us FROM mine WHERE event = $order GROUP BY ALL),
examples AS (
    SELECT customer_id, cutoff_us FROM buyers
    JOIN (SELECT unnest($cutoffs::BIGINT[]) AS cutoff_us) ON first_us < cutoff_us),
did AS (
    SELECT DISTINCT customer_id, cutoff_us FROM mine JOIN examples USING (customer_id)
    WHERE event = $event AND ts_us >= cutoff_us AND ts_us < cutoff_us + $horizon)
SELECT cutoff_us, count(did.customer_id), count(*) - count(did.customer_id)
FROM examples LEFT JOIN did USING (customer_id, cutoff_us) GROUP BY ALL
"""


def count_facts(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    customers: Sequence[str],
    *,
    as_of: datetime,
    left_out: int = 0,
    horizon: timedelta = ORDER.horizon,
    event: str = ORDER_COMPLETED,
) -> Facts:
    """Count what there is of `customers` before `as_of`.

    Args:
        settings: The minimums.
        connection: A database with the lake's views.
        customers: Who may be learnt from.
        as_of: Timezone-aware; only what was strictly before counts.
        left_out: Customers with an order who may not.
        horizon: How far propensity looks ahead.
        event: Whether what it looks for.
    """
    begins = first_order(connection)
    connection.register(_LEARNERS, pa.table({c.CUSTOMER_ID: pa.array(customers, pa.string())}))
    try:
        found = _counted(connection, as_of)
        found |= _examples(connection, as_of, horizon, event, begins)
    finally:
        connection.unregister(_LEARNERS)
    return Facts(
        as_of=as_of,
        least=settings,
        horizon=horizon,
        event=event,
        begins=begins,
        left_out=left_out,
        first=_instant(found.pop("first_us")),
        last=_instant(found.pop("last_us")),
        mail_days=found.pop("mail_us") // DAY_US,
        **found,
    )


def _counted(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[str, Any]:
    mails = [CAMPAIGN_SENT, EMAIL_DELIVERED]
    opens = [EMAIL_OPENED, EMAIL_CLICKED]
    result = connection.execute(
        _COUNTS,
        {
            "as_of": to_us(as_of),
            "order": ORDER_COMPLETED,
            "loyal": LOYAL,
            "mails": mails,
            "opens": opens,
            "click": EMAIL_CLICKED,
            "coupon": COUPON_APPLIED,
            "events": [ORDER_COMPLETED, COUPON_APPLIED, *mails, *opens],
        },
    )
    names = [each[0] for each in result.description]
    return dict(zip(names, result.fetchall()[0], strict=True))


def _examples(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime,
    horizon: timedelta,
    event: str,
    begins: datetime | None,
) -> dict[str, int | None]:
    """Count who did and who did not, to learn from; and the fewer of them in a later slice."""
    try:
        slices = cutoffs(begins, as_of, horizon)
    except NotEnoughDataError:
        return dict.fromkeys(("did", "did_not", "judged"))
    rows = connection.execute(
        _EXAMPLES,
        {
            "as_of": to_us(as_of),
            "order": ORDER_COMPLETED,
            "event": event,
            "events": [ORDER_COMPLETED, event],
            "cutoffs": [to_us(each) for each in slices.all],
            "horizon": horizon // MICROSECOND,
        },
    ).fetchall()
    of = {cutoff_us: (did, did_not) for cutoff_us, did, did_not in rows}
    training = [of.get(to_us(each), (0, 0)) for each in slices.apart]
    later = [of.get(to_us(each), (0, 0)) for each in (slices.validation, slices.test)]
    did, did_not = (sum(each) for each in zip(*training, strict=True))
    return {"did": did, "did_not": did_not, "judged": min(min(each) for each in later)}


def _instant(ts_us: int | None) -> datetime | None:
    return None if ts_us is None else from_us(ts_us)
