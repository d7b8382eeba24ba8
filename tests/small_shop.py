"""A small shop as a lake, for tests that train: three kinds of customers over sixty days."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingest.log import EventLog
from privacy.consent import MODEL_TRAINING, Consent, ConsentLedger

GRANTED_US = 1_483_228_800_000_000  # 2017-01-01


def write_lake(home: Path) -> None:
    """Write 300 customers into `home`: seldom, often, often with big baskets; c7 said no."""
    lake = home / "lake"
    lake.mkdir()
    con = duckdb.connect()
    con.execute(
        """CREATE TABLE orders AS
        SELECT 'c' || c AS customer_id, 'o' || c || '-' || d AS event_id, c % 3 AS kind,
               epoch_us(TIMESTAMP '2017-10-01' + INTERVAL (d) DAY) + c * 1000003 AS ts_us,
               CASE c % 3 WHEN 2 THEN 6 ELSE 1 END * (900 + c) AS value_minor
        FROM range(300) t(c), range(60) u(d)
        WHERE CASE c % 3 WHEN 0 THEN (c + d) % 40 = 0 ELSE (c + d) % 6 = 0 END"""
    )
    con.execute(
        f"""COPY (SELECT *, strftime(make_timestamp(ts_us), '%Y-%m-%d') AS day FROM (
        SELECT event_id, customer_id, NULL::VARCHAR AS anonymous_id, 'Order Completed' AS event,
               ts_us, ts_us AS received_us, 'test' AS source, NULL::VARCHAR AS session_id,
               event_id AS order_id, value_minor, 0::BIGINT AS discount_minor, 'USD' AS currency,
               NULL::VARCHAR AS campaign_id, NULL::VARCHAR AS decision_id,
               NULL::VARCHAR AS device, NULL::VARCHAR AS country, NULL::VARCHAR AS region,
               NULL::VARCHAR AS city, NULL::VARCHAR AS url, false AS is_machine,
               '{{}}' AS properties FROM orders))
        TO '{lake}/events' (FORMAT parquet, PARTITION_BY (day))"""  # noqa: S608  # a path of ours
    )
    con.execute(
        f"""COPY (SELECT *, strftime(make_timestamp(ts_us), '%Y-%m-%d') AS day FROM (
        SELECT event_id, p AS "position", customer_id, 'Order Completed' AS event, ts_us,
               'p' || p AS product_id, CASE p % 2 WHEN 0 THEN 'SHOES' ELSE 'BOOKS' END AS category,
               NULL::VARCHAR AS brand, 1::BIGINT AS quantity, value_minor AS price_minor,
               0::BIGINT AS discount_minor, value_minor AS revenue_minor, 'USD' AS currency
        FROM orders, range(1, 2 + 5 * (kind // 2)) t(p)))
        TO '{lake}/items' (FORMAT parquet, PARTITION_BY (day))"""  # noqa: S608  # a path of ours
    )
    _write_people_and_products(con, lake)

    EventLog(home / "events.db").close()  # as in every workspace
    agree(home, (f"c{number}" for number in range(300) if number != 7), at_us=GRANTED_US)


def agree(
    home: Path,
    customers: Iterable[str],
    purpose: str = MODEL_TRAINING,
    *,
    granted: bool = True,
    at_us: int = 0,
) -> None:
    """Record in the workspace's ledger that customers allow `purpose`, or no longer do."""
    ledger = ConsentLedger(home / "events.db")
    ledger.record(
        Consent(each, purpose, granted, "consent", "test", "1", at_us) for each in customers
    )
    ledger.close()


def _write_people_and_products(con: duckdb.DuckDBPyConnection, lake: Path) -> None:
    con.execute(
        f"""COPY (SELECT DISTINCT customer_id, customer_id || '@example.test' AS email,
        '{{}}' AS traits FROM orders) TO '{lake}/customers.parquet'"""  # noqa: S608
    )
    con.execute(
        f"""COPY (SELECT 'p' || p AS product_id, 'p' AS name, NULL::VARCHAR AS description,
        'SHOES' AS category, NULL::VARCHAR AS brand, 100::BIGINT AS price_minor, 'USD' AS currency,
        NULL::VARCHAR AS image_url, NULL::VARCHAR AS url, true AS available,
        NULL::BIGINT AS created_us, '{{}}' AS attributes FROM range(6) t(p))
        TO '{lake}/catalogue.parquet'"""  # noqa: S608  # a path of ours
    )
