"""Lines of events: staged and checked, told apart from what the log has, grouped to events.

The lines of an event may come in any order, more than once, and spread over several imports:
the log ends the same. A line is known by its event and its `line_id`; a mapping without one
makes it of the line's content, so that only equal lines within one import count twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from ingest.contract import EVENTS, ORDER_COMPLETED, ORDER_REFUNDED
from ingest.inputs import OURS, Staging, literal
from ingest.log import EventLog
from ingest.mapping import EventSection
from ingest.sections import Column, SectionSql

BATCH: Final = 5_000  # events in one transaction of the log
_LOOKUP: Final = 20_000  # event ids looked up in the log at a time
_ORDERS: Final = f"('{ORDER_COMPLETED}', '{ORDER_REFUNDED}')"

# Fields of an event that all its lines should agree on; where they do not, the least counts,
# so that the order of the lines does not matter.
_SHARED: Final = (
    "session_id",
    "order_id",
    "campaign_id",
    "device",
    "country",
    "region",
    "city",
    "url",
    "properties",
)
_LINE: Final = (
    "event_id",
    "line_id",
    "customer_id",
    "anonymous_id",
    "event",
    "ts_us",
    *_SHARED,
    "value_minor",
    "event_discount_minor",
    "currency",
    "is_machine",
    "product_id",
    "category",
    "brand",
    "quantity",
    "price_minor",
    "discount_minor",
    "revenue_minor",
)
_TEXTS: Final = (
    "session_id",
    "order_id",
    "campaign_id",
    "device",
    "country",
    "region",
    "city",
    "url",
)


def line_columns(sql: SectionSql, currency: str, allowed: set[str], now_us: int) -> list[Column]:
    """Return the columns of a line for one events section, with the checks of the contract."""
    section = sql.section
    assert isinstance(section, EventSection)  # noqa: S101  # the caller picks the events sections
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
        *(sql.text(name) for name in _TEXTS),
        sql.json("properties"),
        sql.flag("is_machine", default="false"),
        sql.currency(currency, sorted(allowed)),
        sql.money("value", "value_minor"),
        sql.money("discount", "event_discount_minor"),
    ]
    if section.item is None:
        nothing = ("line_id", "product_id", "category", "brand")
        amounts = ("quantity", "price_minor", "discount_minor", "revenue_minor")
        return (
            columns
            + [Column(name, "NULL::VARCHAR") for name in nothing]
            + [Column(name, "NULL::BIGINT") for name in amounts]
        )
    return columns + [
        sql.text("item.line_id", column="line_id", required=section.item.line_id is not None),
        sql.text("item.product_id", column="product_id", required=True),
        sql.text("item.category", column="category"),
        sql.text("item.brand", column="brand"),
        sql.count("item.quantity", "quantity"),
        sql.money("item.price", "given_price"),
        sql.money("item.discount", "discount_minor"),
        sql.money("item.revenue", "given_revenue"),
        Column(
            "revenue_minor",
            f"CASE WHEN event IN {_ORDERS} THEN "
            "coalesce(given_revenue, given_price * quantity - coalesce(discount_minor, 0)) END",
            (("revenue_minor < 0", "discount is more than the price"),),
        ),
        Column(
            "price_minor",
            "coalesce(given_price, CASE WHEN quantity > 0 THEN "
            "round((revenue_minor + coalesce(discount_minor, 0)) / quantity)::BIGINT END)",
        ),
    ]


class Lines:
    """The staged lines of one import."""

    def __init__(self, staging: Staging, source: str) -> None:
        self.db = staging.db
        self.source = source
        self.stages = 0
        self.revised = False

    def add(self, name: str, section: EventSection, sql: SectionSql, columns: list[Column]) -> None:
        """Stage the rows of one section; those with a reason stay out of everything below."""
        self.stages += 1
        sql.stage("section", columns)
        verb = "INSERT INTO" if self.stages > 1 else "CREATE TABLE"
        link = "" if self.stages > 1 else "AS"
        # Lines without an id of their own keep the order of their file.
        ordered = section.item is not None and section.item.line_id is None
        place = "_row" if ordered else "NULL::BIGINT"
        self.db.execute(
            f"{verb} {OURS}.lines {link} SELECT {literal(name)} AS section, {self.stages} AS stage,"  # noqa: S608
            f" _row, {place} AS place, {', '.join(_LINE)}, reason, payload FROM {OURS}.section"
        )
        self.db.execute(f"DROP TABLE {OURS}.section")

    def settle(self, log: EventLog | None) -> None:
        """Drop what is there already, join what belongs to events of the log, make the batches."""
        self._key()
        if log is not None:
            self._drop_known(log)
        self._set_conflicts_aside()
        self._group()

    def batches(self) -> Iterator[tuple[bool, pa.Table, pa.Table]]:
        """Yield (new, events, items): first new events in order of time, then revised ones."""
        for known in (False, True) if self.revised else (False,):
            count = self._one(f"SELECT count(*) FROM {OURS}.events_out WHERE known = {known}")
            for first in range(0, count, BATCH):
                span = f"known = {known} AND nth > {first} AND nth <= {first + BATCH}"
                events = self.db.sql(
                    f"SELECT {', '.join(EVENTS.names)} FROM {OURS}.events_out WHERE {span} ORDER BY nth"  # noqa: S608
                )
                event_table = events.to_arrow_table().cast(EVENTS)
                items = self.db.sql(
                    f"SELECT * EXCLUDE (known, nth) FROM {OURS}.items_out WHERE {span}"  # noqa: S608
                    " ORDER BY nth, position"
                )
                yield not known, event_table, items.to_arrow_table()

    def count(self, what: str) -> int:
        """Return how many events or items are to be written."""
        return self._one(f"SELECT count(*) FROM {OURS}.{what}_out")  # noqa: S608

    def fresh_by_section(self) -> dict[str, int]:
        """Return how many lines of each section are new to the log."""
        rows = self.db.execute(
            f"SELECT section, count(*) FROM {OURS}.fresh WHERE section IS NOT NULL GROUP BY 1"  # noqa: S608
        ).fetchall()
        return {str(name): int(number) for name, number in rows}

    def _key(self) -> None:
        """Give every line its key within the event, and keep the first of each key."""
        content = "product_id, quantity, price_minor, discount_minor, revenue_minor"
        needed = self._one(
            f"SELECT count(*) FROM {OURS}.lines WHERE place IS NOT NULL AND reason IS NULL"  # noqa: S608
        )
        made = (
            f"md5(concat_ws('|', {content})) || '-' || row_number() OVER "
            f"(PARTITION BY event_id, line_id, {content} ORDER BY stage, _row)"
            if needed
            else "''"
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.fresh AS SELECT * EXCLUDE (reason, payload) "  # noqa: S608
            f"REPLACE (coalesce(line_id, CASE WHEN product_id IS NULL THEN '' ELSE {made} END)"
            " AS line_id), false AS known "
            f"FROM {OURS}.lines WHERE reason IS NULL"
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.once AS SELECT * FROM {OURS}.fresh "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY event_id, line_id ORDER BY stage, _row) = 1"
        )
        self._replace_fresh("once")

    def _replace_fresh(self, table: str) -> None:
        self.db.execute(f"DROP TABLE {OURS}.fresh")
        self.db.execute(f"ALTER TABLE {OURS}.{table} RENAME TO fresh")

    def _drop_known(self, log: EventLog) -> None:
        self.db.execute(f"CREATE TABLE {OURS}.known (event_id VARCHAR, line_id VARCHAR)")
        ids = self.db.sql(f"SELECT DISTINCT event_id FROM {OURS}.fresh")  # noqa: S608
        for batch in ids.to_arrow_reader(_LOOKUP):
            found = log.known_lines(batch.column(0))
            if len(found):
                cursor = self.db.cursor()  # the query above is still being read
                cursor.register("found", found)
                cursor.execute(f"INSERT INTO {OURS}.known SELECT * FROM found")  # noqa: S608
                cursor.close()
        self.db.execute(
            f"CREATE TABLE {OURS}.news AS SELECT * FROM {OURS}.fresh "  # noqa: S608
            f"ANTI JOIN {OURS}.known USING (event_id, line_id)"
        )
        self._replace_fresh("news")
        ids = self.db.sql(
            f"SELECT DISTINCT event_id FROM {OURS}.fresh SEMI JOIN {OURS}.known USING (event_id)"  # noqa: S608
        )
        for batch in ids.to_arrow_reader(_LOOKUP):
            self.revised = True
            cursor = self.db.cursor()
            cursor.register("stored", log.lines_of(batch.column(0)))
            names = ", ".join(("_row", "place", *_LINE, "source"))
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {OURS}.stored AS "  # noqa: S608
                "SELECT * FROM stored LIMIT 0"
            )
            cursor.execute(f"INSERT INTO {OURS}.stored ({names}) SELECT {names} FROM stored")  # noqa: S608
            cursor.close()
        if self.revised:
            names = ", ".join(("_row", "place", *_LINE))
            self.db.execute(
                f"INSERT INTO {OURS}.fresh (section, stage, {names}, known) "  # noqa: S608
                f"SELECT NULL, 0, {names}, true FROM {OURS}.stored"
            )

    def _set_conflicts_aside(self) -> None:
        """Move lines of events that contradict themselves to quarantine, whole event by event."""
        differ = {
            "customer_id": "lines of one event name different customers",
            "event": "lines of one event name different events",
            "currency": "lines of one event have different currencies",
        }
        cases = " ".join(
            f"WHEN min({name}) IS DISTINCT FROM max({name}) THEN '{why}'"
            for name, why in differ.items()
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.conflicts AS SELECT * FROM "  # noqa: S608
            f"(SELECT event_id, CASE {cases} END AS why FROM {OURS}.fresh GROUP BY event_id)"
            " WHERE why IS NOT NULL"
        )
        if self.revised:
            self.db.execute(
                f"INSERT INTO {OURS}.conflicts SELECT event_id, "  # noqa: S608
                "'event id belongs to source ' || any_value(source) "
                f"FROM {OURS}.stored WHERE source <> {literal(self.source)} "
                f"AND event_id NOT IN (SELECT event_id FROM {OURS}.conflicts) GROUP BY event_id"
            )
        if not self._one(f"SELECT count(*) FROM {OURS}.conflicts"):  # noqa: S608
            return
        self.db.execute(
            f"UPDATE {OURS}.lines SET reason = why, payload = to_json(lines) "  # noqa: S608
            f"FROM {OURS}.conflicts AS c, {OURS}.fresh AS f "
            "WHERE lines.event_id = c.event_id AND lines.reason IS NULL "
            "AND f.stage = lines.stage AND f._row = lines._row"
        )
        self.db.execute(
            f"DELETE FROM {OURS}.fresh WHERE event_id IN (SELECT event_id FROM {OURS}.conflicts)"  # noqa: S608
        )

    def _group(self) -> None:
        shared = ", ".join(f"min({name}) AS {name}" for name in _SHARED)
        orders = f"CASE WHEN min(event) IN {_ORDERS} THEN"
        self.db.execute(
            f"CREATE TABLE {OURS}.events_out AS SELECT row_number() OVER "  # noqa: S608
            "(PARTITION BY known ORDER BY ts_us, event_id) AS nth, *, ts_us AS received_us, "
            f"{literal(self.source)} AS source, NULL::VARCHAR AS decision_id FROM ("
            "SELECT event_id, bool_or(known) AS known, min(customer_id) AS customer_id, "
            "min(anonymous_id) AS anonymous_id, min(event) AS event, min(ts_us) AS ts_us, "
            f"{shared}, min(currency) AS currency, bool_or(is_machine) AS is_machine, "
            f"coalesce(max(value_minor), {orders} sum(revenue_minor) END)::BIGINT AS value_minor, "
            f"coalesce(max(event_discount_minor), {orders} sum(discount_minor) END)::BIGINT"
            f" AS discount_minor FROM {OURS}.fresh GROUP BY event_id) ORDER BY known, nth"
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.items_out AS SELECT known, nth, event_id, row_number() OVER "  # noqa: S608
            "(PARTITION BY known, nth ORDER BY place NULLS FIRST, length(line_id), line_id) AS position,"
            " line_id, product_id, coalesce(f.category, p.category) AS category, "
            "coalesce(f.brand, p.brand) AS brand, quantity, price_minor, discount_minor, revenue_minor "
            f"FROM (SELECT * EXCLUDE (known) FROM {OURS}.fresh WHERE product_id IS NOT NULL) AS f "
            f"JOIN (SELECT event_id, known, nth FROM {OURS}.events_out) USING (event_id) "
            f"LEFT JOIN (SELECT product_id, category, brand FROM {OURS}.catalogue) AS p"
            " USING (product_id) ORDER BY known, nth, position"
        )

    def _one(self, sql: str) -> int:
        row = self.db.execute(sql).fetchone()
        return int(row[0]) if row else 0
