"""What every section must give: its columns, and when a row breaks the contract."""

from __future__ import annotations

from typing import Final

from ingest.contract import EVENT_TEXTS, ORDER_COMPLETED, ORDER_REFUNDED
from ingest.mapping import EventSection
from ingest.sections import MOST, Column, SectionSql
from privacy.consent import PURPOSES

ORDERS: Final = f"('{ORDER_COMPLETED}', '{ORDER_REFUNDED}')"


def line_columns(
    sql: SectionSql, section: EventSection, currency: str, allowed: set[str], now_us: int
) -> list[Column]:
    """Return the columns of a line for one events section."""
    columns = [
        sql.text("event_id", required=True),
        sql.text("event", required=True),
        sql.time("time", "ts_us", now_us=now_us),
        sql.text("customer_id"),
        Column(
            "anonymous_id",
            sql.text("anonymous_id").sql,
            (
                (
                    "customer_id IS NULL AND anonymous_id IS NULL",
                    "neither customer nor anonymous id",
                ),
            ),
        ),
        *(sql.text(name) for name in EVENT_TEXTS),
        sql.json("properties"),
        sql.flag("is_machine", default="false"),
        sql.currency(currency, sorted(allowed)),
        sql.money("value", "value_minor"),
        sql.money("discount", "event_discount_minor"),
    ]
    return [*columns, *(_item_columns(sql, section) if section.item else _no_item())]


def _no_item() -> list[Column]:
    texts = ("line_id", "product_id", "category", "brand")
    numbers = ("quantity", "price_minor", "discount_minor", "revenue_minor")
    return [
        *(Column(name, "NULL::VARCHAR") for name in texts),
        *(Column(name, "NULL::BIGINT") for name in numbers),
    ]


def _item_columns(sql: SectionSql, section: EventSection) -> list[Column]:
    has_id = section.item is not None and section.item.line_id is not None
    lost = f"event IN {ORDERS} AND revenue_minor IS NULL AND given_price IS NOT NULL"
    return [
        sql.text("item.line_id", column="line_id", required=has_id),
        sql.text("item.product_id", column="product_id", required=True),
        sql.text("item.category", column="category"),
        sql.text("item.brand", column="brand"),
        sql.count("item.quantity", "quantity"),
        sql.money("item.price", "given_price"),
        sql.money("item.discount", "given_discount"),
        Column(
            "discount_minor", f"coalesce(given_discount, CASE WHEN event IN {ORDERS} THEN 0 END)"
        ),
        sql.money("item.revenue", "given_revenue"),
        Column(
            "revenue_minor",
            f"CASE WHEN event IN {ORDERS} THEN coalesce(given_revenue, "
            "TRY(given_price * quantity - coalesce(discount_minor, 0))) END",
            (
                ("revenue_minor < 0", "discount is more than the price"),
                (f"revenue_minor > {MOST} OR ({lost})", "price times quantity out of range"),
            ),
        ),
        Column(
            "price_minor",
            "coalesce(given_price, CASE WHEN quantity > 0 THEN "
            "TRY(round((revenue_minor + coalesce(discount_minor, 0)) / quantity)::BIGINT) END)",
        ),
    ]


def product_columns(sql: SectionSql, currency: str, allowed: set[str], now_us: int) -> list[Column]:
    """Return the columns of the catalogue."""
    return [
        sql.text("product_id", required=True),
        sql.text("name", required=True),
        *(sql.text(name) for name in ("description", "category", "brand")),
        sql.currency(currency, sorted(allowed)),
        sql.money("price", "price_minor"),
        *(sql.text(name) for name in ("image_url", "url")),
        sql.flag("available", default="true"),
        sql.time("created", "created_us", now_us=now_us, required=False),
        sql.json("attributes"),
    ]


def customer_columns(sql: SectionSql) -> list[Column]:
    """Return the columns of customers; an address is in lower case."""
    email = sql.text("email")
    bad = r"NOT regexp_full_match(email, '[^@\s]+@[^@\s]+\.[^@\s]+')"
    return [
        sql.text("customer_id", required=True),
        Column("email", f"lower({email.sql})", ((bad, "not an e-mail address"),), "email"),
        sql.json("traits"),
    ]


def consent_columns(sql: SectionSql, source: str, now_us: int) -> list[Column]:
    """Return the columns of consents; nothing is taken for granted."""
    known = ", ".join(f"'{purpose}'" for purpose in PURPOSES)
    purpose, granted = sql.text("purpose", required=True), sql.flag("granted", default="NULL")
    ungranted = ("granted IS NULL", "missing or unreadable granted")
    unknown = (f"purpose NOT IN ({known})", "unknown purpose")
    return [
        sql.text("customer_id", required=True),
        Column("purpose", purpose.sql, (*purpose.checks, unknown), "purpose"),
        Column("granted", granted.sql, (ungranted,), "granted"),
        sql.text("lawful_basis", required=True),
        Column("source", f"coalesce({sql.text('source').sql}, '{source}')"),
        sql.text("policy_version", required=True),
        sql.time("time", "ts_us", now_us=now_us),
    ]
