"""What was ordered and what was sent back, in numbers instead of texts.

Windows of time ask the same of the lake again and again. Customers, products and orders are
numbered once; numbers group and join ten times as fast.

    line_customers   customer_id, customer
    line_products    product_id, number
    lines            one row for each product of an order or refund: customer (null: a guest),
                     number, event_number, ts_us, units, bought (false: sent back)
    offered          one row for each product of the catalogue, with what `models.assortment` says
                     of it
"""

from __future__ import annotations

from typing import Final

import duckdb

from ingest.contract import ORDER_COMPLETED, ORDER_REFUNDED

_BOUGHT: Final = f"event = '{ORDER_COMPLETED}'"

# An order may list a product twice: it is one line. Numbers follow the order of the texts, so
# that they are the same in every run.
_TABLES: Final = {
    "line_customers": """
        SELECT customer_id, CAST(row_number() OVER (ORDER BY customer_id) AS INTEGER) AS customer
        FROM (SELECT DISTINCT customer_id FROM items WHERE customer_id IS NOT NULL)
    """,
    "line_products": """
        SELECT product_id, CAST(row_number() OVER (ORDER BY product_id) AS INTEGER) AS number
        FROM (SELECT DISTINCT product_id FROM items WHERE product_id IS NOT NULL)
    """,
    "line_events": """
        SELECT event_id, row_number() OVER (ORDER BY event_id) AS event_number
        FROM (SELECT DISTINCT event_id FROM items)
    """,
    "lines": f"""
        SELECT customer, number, event_number, ts_us, {_BOUGHT} AS bought,
            sum(CASE WHEN quantity > 0 THEN quantity ELSE 1 END) AS units
        FROM items
            JOIN line_products USING (product_id)
            JOIN line_events USING (event_id)
            LEFT JOIN line_customers USING (customer_id)
        WHERE {_BOUGHT} OR event = '{ORDER_REFUNDED}'
        GROUP BY ALL
    """,  # noqa: S608  # every part is ours
    # A minor unit of any currency is one.
    "offered": """
        SELECT product_id, bool_or(available) IS NOT FALSE
                AND NOT bool_or(coalesce(attributes ->> 'sensitive' = 'true', false)) AS allowed,
            max(price_minor) AS price, coalesce(min(category), '') AS category,
            coalesce(min(name), '') AS name, max(created_us) AS created_us,
            lower(concat_ws(' ', regexp_replace(min(name), '[^\\w]+', ' ', 'g'), min(brand),
                replace(min(category), ' ', '_'),
                regexp_replace(min(category), '[^\\w]+', ' ', 'g'),
                regexp_replace(
                    regexp_replace(min(attributes), '" *: *"?', ':', 'g'), '[^\\w:.]+', ' ', 'g'),
                'price:' || round(log2(nullif(max(price_minor), 0))))) AS text
        FROM catalogue WHERE product_id IS NOT NULL GROUP BY product_id
    """,
}


def number_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables, once per connection: a connection sees one state of the lake.

    Args:
        connection: A database with the lake's views.
    """
    for name, query in _TABLES.items():
        connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} AS {query}")
    connection.execute("DROP TABLE IF EXISTS line_events")
