"""The relations that feature expressions are written over, as DuckDB SQL.

`happened` has one row per (cut-off, event strictly before it); `tastes` one row per
(cut-off, customer, first-level category) of the `TASTE_DAYS` before it. Nothing downstream of
these two can see an event at or after its cut-off. Times are integer microseconds, money is
integer minor units of the base currency.
"""

from __future__ import annotations

from typing import Final

from core.clock import DAY_US
from ingest.contract import CAMPAIGN_SENT, COUPON_APPLIED, ORDER_COMPLETED, ORDER_REFUNDED

TASTE_DAYS: Final = 90

# First level of a category path; products without a category belong to none.
DEPARTMENT: Final = "nullif(trim(split_part(category, '/', 1)), '')"

_KINDS: Final = ", ".join(
    f"'{kind}'" for kind in (ORDER_COMPLETED, ORDER_REFUNDED, CAMPAIGN_SENT, COUPON_APPLIED)
)

# Parameters: $cutoffs (BIGINT[]), $currencies (VARCHAR[]), $rates (DOUBLE[]), $timezone.
# `lag` looks backwards only, so a gap never knows of an order after it.
RELATIONS: Final = f"""
cutoffs AS (SELECT unnest(CAST($cutoffs AS BIGINT[])) AS cutoff_us),
rates AS (
    SELECT unnest(CAST($currencies AS VARCHAR[])) AS currency,
        unnest(CAST($rates AS DOUBLE[])) AS rate
),
baskets AS (
    SELECT event_id, count(*) AS lines
    FROM items
    WHERE event = '{ORDER_COMPLETED}' AND ts_us < (SELECT max(cutoff_us) FROM cutoffs)
    GROUP BY event_id
),
known AS (
    SELECT
        customer_id,
        ts_us,
        event = '{ORDER_COMPLETED}' AS is_order,
        event = '{ORDER_REFUNDED}' AS is_refund,
        event = '{CAMPAIGN_SENT}' AS is_mail,
        event = '{COUPON_APPLIED}' AS is_coupon,
        CAST(round(coalesce(value_minor, 0) * coalesce(rate, 1)) AS BIGINT) AS value_minor,
        CAST(round(coalesce(discount_minor, 0) * coalesce(rate, 1)) AS BIGINT) AS discount_minor,
        coalesce(lines, 0) AS lines,
        timezone($timezone, timezone('UTC', make_timestamp(ts_us))) AS local_time,
        ts_us - lag(ts_us) OVER (
            PARTITION BY customer_id, event ORDER BY ts_us, event_id
        ) AS gap_us
    FROM events
    LEFT JOIN baskets USING (event_id)
    LEFT JOIN rates USING (currency)
    WHERE customer_id IS NOT NULL
        AND NOT coalesce(is_machine, false)
        AND event IN ({_KINDS})
        AND ts_us < (SELECT max(cutoff_us) FROM cutoffs)
),
happened AS (
    SELECT
        known.*,
        cutoff_us,
        (cutoff_us - ts_us) / {DAY_US} AS age_days,
        isodow(local_time) >= 6 AS is_weekend,
        hour(local_time) >= 17 AS is_evening
    FROM known
    JOIN cutoffs ON ts_us < cutoff_us
),
tastes AS (
    SELECT cutoff_us, customer_id, {DEPARTMENT} AS department, count(*) AS lines
    FROM items
    JOIN cutoffs ON ts_us < cutoff_us AND ts_us >= cutoff_us - {TASTE_DAYS * DAY_US}
    WHERE event = '{ORDER_COMPLETED}' AND customer_id IS NOT NULL AND {DEPARTMENT} IS NOT NULL
    GROUP BY ALL
)"""  # noqa: S608  # every part is a constant of ours


def exact_sum(expression: str, condition: str = "true") -> str:
    """Return SQL that sums a small float to the same bits in any order of the rows.

    Engines add floats in the order their threads finish. Fixed-point numbers with 80 binary
    digits after the point add exactly; up to 2**46 fits.
    """
    scaled = f"sum(CAST(({expression}) * pow(2.0, 80) AS HUGEINT)) FILTER ({condition})"
    return f"(CAST({scaled} AS DOUBLE) / pow(2.0, 80))"
