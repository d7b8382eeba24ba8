"""Lines of events: staged and checked, told apart from what the log has, grouped to events.

The lines of an event may come in any order, more than once, and spread over several imports:
the log ends the same. A line is known by its event and its `line_id`; a mapping without one
makes it of the line's content, so that only equal lines within one import count twice.
"""

# ruff: noqa: S608  # SQL is put together from our own names and the operator's mapping

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pyarrow as pa

from ingest.checks import ORDERS
from ingest.contract import EVENT_TEXTS, EVENTS
from ingest.inputs import OURS, Staging
from ingest.log import EventLog
from ingest.mapping import EventSection, literal
from ingest.sections import Column, SectionSql

Progress = Callable[[str, int, int], None]  # step, done, total
BATCH: Final = 5_000  # events in one transaction of the log
# Lines without an id of their own keep the order of their file.
_PLACE: Final = "place NULLS FIRST, length(line_id), line_id"
_LOOKUP: Final = 20_000  # event ids looked up in the log at a time

# Fields of an event that all its lines should agree on; where they do not, the least counts,
# so that the order of the lines does not matter.
_SHARED: Final = (*EVENT_TEXTS, "properties")
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


_SOMEBODY_ELSES: Final = (
    "the log has this event for another customer, and time or lines differ: give the whole order "
    "as it was with the right customer, or the other order an id of its own"
)


class Lines:
    """The staged lines of one import."""

    def __init__(self, staging: Staging, source: str) -> None:
        self.staging = staging
        self.db = staging.db
        self.source = source
        self.stages = 0
        self.revised = False

    def add(self, name: str, section: EventSection, sql: SectionSql, columns: list[Column]) -> None:
        """Stage the rows of one section; those with a reason stay out of everything below."""
        self.stages += 1
        ordered = section.item is not None and section.item.line_id is None
        place = "_row" if ordered else "NULL::BIGINT"
        sql.stage(
            "lines",
            columns,
            # A view may have no `_row`, or the same one often: `staged` tells its rows apart.
            f"{literal(name)} AS section, {self.stages} AS stage, _row, "
            f"row_number() OVER () AS staged, {place} AS place, "
            f"{', '.join(_LINE)}, reason",
        )

    def settle(self, log: EventLog | None, progress: Progress) -> None:
        """Drop what is there already, join what belongs to events of the log, make the batches."""
        if not self.stages:
            return
        steps: list[Callable[[], None]] = [self._key, self._set_conflicts_aside, self._group]
        if log is not None:
            steps.insert(1, partial(self._drop_known, log))
        for number, step in enumerate(steps):
            progress("making events of lines", number, len(steps))
            step()

    def batches(self) -> Iterator[tuple[bool, pa.Table, pa.Table]]:
        """Yield (new, events, items): first new events in order of time, then revised ones."""
        for known in (False, True) if self.stages else ():
            count = self.staging.one(
                f"SELECT count(*) FROM {OURS}.events_out WHERE known = {known}"
            )
            for first in range(0, count, BATCH):
                span = f"known = {known} AND nth > {first} AND nth <= {first + BATCH}"
                events = self.staging.arrow(
                    f"SELECT {', '.join(EVENTS.names)} FROM {OURS}.events_out "
                    f"WHERE {span} ORDER BY nth"
                )
                items = self.staging.arrow(
                    f"SELECT * EXCLUDE (known, nth, place), row_number() OVER (PARTITION BY nth "
                    f"ORDER BY {_PLACE}) AS position FROM {OURS}.items_out WHERE {span}"
                    " ORDER BY nth, position"
                )
                yield not known, events.cast(EVENTS), items

    def count(self, what: str) -> int:
        """Return how many `events` or `items` are to be written."""
        return self.staging.one(f"SELECT count(*) FROM {OURS}.{what}_out")

    def fresh_by_section(self, *, items: bool = False) -> dict[str, int]:
        """Return how many lines (or only those with a product) of each section are new."""
        what = "count(product_id)" if items else "count(*)"
        return dict(
            self.staging.rows(
                f"SELECT section, {what} FROM {OURS}.fresh WHERE section IS NOT NULL GROUP BY 1"
            )
        )

    def _key(self) -> None:
        """Give every line its key within the event, and keep the first of each key."""
        content = "product_id, quantity, price_minor, discount_minor, revenue_minor"
        made = "''"
        if self.staging.one(f"SELECT count(place) FROM {OURS}.lines"):
            made = (
                f"md5(concat_ws('|', {content})) || '-' || row_number() OVER "
                f"(PARTITION BY event_id, line_id, {content} ORDER BY stage, _row, staged)"
            )
        self.db.execute(
            f"CREATE TABLE {OURS}.fresh AS SELECT * EXCLUDE (reason, payload) "
            f"REPLACE (coalesce(line_id, CASE WHEN product_id IS NULL THEN '' ELSE {made} END)"
            f" AS line_id), false AS known FROM {OURS}.lines WHERE reason IS NULL"
        )
        first = "min({'a': stage, 'b': _row, 'c': staged})"
        self.db.execute(
            f"DELETE FROM {OURS}.fresh USING (SELECT event_id, line_id, {first} AS first "
            f"FROM {OURS}.fresh GROUP BY ALL HAVING count(*) > 1) AS d "
            "WHERE fresh.event_id = d.event_id AND fresh.line_id = d.line_id "
            "AND (stage, staged) <> (first.a, first.c)"
        )

    def _drop_known(self, log: EventLog) -> None:
        """Drop lines the log has; fetch the rest of an event whose lines arrive in parts."""
        ids = f"SELECT DISTINCT event_id FROM {OURS}.fresh"
        for batch in self.staging.batches(ids, _LOOKUP):
            self.staging.insert("known", log.known_lines(batch.column(0)))
        self.db.execute(
            f"DELETE FROM {OURS}.fresh USING {OURS}.known AS k "
            "WHERE fresh.event_id = k.event_id AND fresh.line_id = k.line_id "
            # What belongs to somebody else is no repetition: it stays, and is found in conflict.
            f"AND coalesce(k.source = {literal(self.source)}, true) "
            "AND coalesce(k.customer_id = fresh.customer_id, true)"
        )
        for batch in self.staging.batches(
            f"{ids} SEMI JOIN {OURS}.known USING (event_id)", _LOOKUP
        ):
            self.revised = True
            self.staging.insert("stored", log.lines_of(batch.column(0)))
        if self.revised:
            self._take_corrections()
            names = ", ".join(_LINE)
            self.db.execute(
                f"INSERT INTO {OURS}.fresh (section, stage, _row, place, {names}, known) "
                f"SELECT NULL, 0, _row, CASE WHEN ordered THEN place END, {names}, true "
                f"FROM {OURS}.stored JOIN (SELECT event_id, count(place) > 0 AS ordered "
                f"FROM {OURS}.fresh GROUP BY 1) USING (event_id)"
            )

    def _take_corrections(self) -> None:
        """Let an order that comes again for another customer replace the one in the log.

        Only where it is the same order beyond doubt: same source, time and every line. An id
        that was given twice must not hand one customer's purchases to another.
        """
        same = " AND ".join(
            f"f.{name} IS NOT DISTINCT FROM s.{name}"
            for name in ("event_id", "line_id", "event", "ts_us", "product_id", "quantity")
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.corrected AS SELECT s.event_id FROM {OURS}.stored AS s "
            f"LEFT JOIN {OURS}.fresh AS f ON {same} GROUP BY 1 HAVING bool_and(coalesce("
            f"f.customer_id <> s.customer_id AND s.source = {literal(self.source)}, false))"
        )
        mine = f"event_id IN (SELECT event_id FROM {OURS}.corrected)"
        self.db.execute(f"UPDATE {OURS}.fresh SET known = true WHERE {mine}")
        self.db.execute(f"DELETE FROM {OURS}.stored WHERE {mine}")

    def _set_conflicts_aside(self) -> None:
        """Move lines of events that contradict themselves to quarantine, whole event by event."""
        differ = {
            "customer_id": "lines of one event name different customers",
            "event": "lines of one event name different events",
            "currency": "lines of one event have different currencies",
        }
        # Known lines beside new ones of somebody else: no correction, see `_take_corrections`.
        logged = f"count(DISTINCT customer_id) > 1 AND bool_or(known) THEN '{_SOMEBODY_ELSES}'"
        cases = f"WHEN {logged} " + " ".join(
            f"WHEN min({name}) IS DISTINCT FROM max({name}) THEN '{why}'"
            for name, why in differ.items()
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.conflicts AS SELECT * FROM "
            f"(SELECT event_id, CASE {cases} END AS why FROM {OURS}.fresh GROUP BY event_id)"
            " WHERE why IS NOT NULL"
        )
        if self.revised:
            self.db.execute(
                f"INSERT INTO {OURS}.conflicts SELECT event_id, "
                "'event id belongs to source ' || any_value(source) "
                f"FROM {OURS}.stored WHERE source <> {literal(self.source)} "
                f"AND event_id NOT IN (SELECT event_id FROM {OURS}.conflicts) GROUP BY event_id"
            )
        if not self.staging.one(f"SELECT count(*) FROM {OURS}.conflicts"):
            return
        self.db.execute(
            f"UPDATE {OURS}.lines SET reason = why, "
            """payload = json_merge_patch(to_json(lines), '{"staged": null}') """
            f"FROM {OURS}.conflicts AS c, {OURS}.fresh AS f "
            "WHERE lines.event_id = c.event_id AND lines.reason IS NULL "
            "AND f.stage = lines.stage AND f.staged = lines.staged"
        )
        self.db.execute(
            f"DELETE FROM {OURS}.fresh WHERE event_id IN (SELECT event_id FROM {OURS}.conflicts)"
        )

    def _group(self) -> None:
        shared = ", ".join(f"min({name}) AS {name}" for name in _SHARED)
        orders = f"CASE WHEN min(event) IN {ORDERS} THEN"
        self.db.execute(
            f"CREATE TABLE {OURS}.events_out AS SELECT row_number() OVER "
            "(PARTITION BY known ORDER BY ts_us, event_id) AS nth, *, ts_us AS received_us, "
            f"{literal(self.source)} AS source, NULL::VARCHAR AS decision_id FROM ("
            "SELECT event_id, bool_or(known) AS known, min(customer_id) AS customer_id, "
            "min(anonymous_id) AS anonymous_id, min(event) AS event, min(ts_us) AS ts_us, "
            f"{shared}, min(currency) AS currency, bool_or(is_machine) AS is_machine, "
            f"coalesce(max(value_minor), {orders} sum(revenue_minor) END)::BIGINT AS value_minor, "
            f"coalesce(max(event_discount_minor), {orders} coalesce(sum(discount_minor), 0) END)"
            f"::BIGINT AS discount_minor FROM {OURS}.fresh GROUP BY event_id) ORDER BY known, nth"
        )
        self.db.execute(
            f"CREATE TABLE {OURS}.items_out AS SELECT known, nth, event_id, place, "
            "line_id, product_id, coalesce(f.category, p.category) AS category, "
            "coalesce(f.brand, p.brand) AS brand, quantity, price_minor, discount_minor,"
            f" revenue_minor FROM (SELECT * EXCLUDE (known) FROM {OURS}.fresh"
            " WHERE product_id IS NOT NULL) AS f "
            f"JOIN (SELECT event_id, known, nth FROM {OURS}.events_out) USING (event_id) "
            f"LEFT JOIN (SELECT product_id, category, brand FROM {OURS}.catalogue) AS p"
            " USING (product_id) ORDER BY known, nth"
        )
