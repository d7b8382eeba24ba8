"""Import foreign files through a mapping: read, check, set aside, group, commit.

Everything is read and checked in a staging database before the workspace is touched; then the
log is written in batches. Each batch is whole or absent, and every id is stable, so an import
that was interrupted is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from core.clock import to_us
from core.errors import ConfigError, DataError
from core.settings import Settings
from ingest.contract import CATALOGUE, CONSENTS, CUSTOMERS
from ingest.inputs import OURS, Staging
from ingest.lines import Lines, line_columns
from ingest.log import EventLog
from ingest.mapping import EventSection, Mapping, Section
from ingest.schema import CHUNK
from ingest.sections import Column, SectionSql
from privacy.consent import PURPOSES, Consent, ConsentLedger

Progress = Callable[[str, int, int], None]  # step, done, total
EVENTS_DB: Final = "events.db"


@dataclass(frozen=True)
class Counts:
    """What became of the rows of one section: read = accepted + duplicate + quarantined."""

    section: str
    input: str
    read: int
    accepted: int
    duplicate: int
    quarantined: dict[str, int]  # by reason


@dataclass
class Report:
    """The result of an import."""

    sections: list[Counts] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # section -> input not given
    events: int = 0
    revised: int = 0
    items: int = 0
    products: int = 0
    customers: int = 0
    consents: int = 0


class Import:
    """One import of files into a workspace."""

    def __init__(
        self,
        settings: Settings,
        mapping: Mapping,
        where: Path,
        inputs: dict[str, Path],
        *,
        as_of: datetime,
    ) -> None:
        self.settings = settings
        self.mapping = mapping
        self.where = where
        self.inputs = inputs
        self.now_us = to_us(as_of)
        self.path = settings.home / EVENTS_DB
        self.report = Report()
        self.columns = {
            "products": self._products,
            "customers": self._customers,
            "consents": self._consents,
        }

    def run(self, progress: Progress) -> Report:
        """Do all of it.

        Raises:
            ConfigError: The mapping does not fit the files, or the currency the workspace.
            DataError: A file is missing or unreadable, or no row of it can be used.
        """
        currency = self._base_currency()
        with Staging(self.where, self.inputs) as self.staging:
            progress("reading", 0, 1)
            self.staging.open_inputs(self.mapping)
            self.lines = Lines(self.staging, self.mapping.source)
            sections = self._present()
            for number, (name, section) in enumerate(sections.items()):
                progress("checking", number, len(sections))
                self._stage(name, section, currency)
            self._refuse_nothing(sections)
            log = EventLog(self.path) if self.path.exists() else None
            self._load_catalogue(log, sections)
            if self.lines.stages:
                self.lines.settle(log if log and log.count("events") else None)
            log = log or EventLog(self.path)
            try:
                self._commit(log, currency, sections, progress)
            finally:
                log.close()
        return self.report

    # -- before anything is written

    def _base_currency(self) -> str:
        fixed = None
        if self.path.exists():
            log = EventLog(self.path)
            fixed = log.currency
            log.close()
        base = self.settings.currency or fixed or self.mapping.currency
        if fixed and base != fixed:
            raise ConfigError(
                f"setting 'currency' is {base}, but {self.path} keeps its sums in {fixed}. "
                "Use that currency, or another --home."
            )
        if self.mapping.currency not in {base, *self.settings.rates}:
            raise ConfigError(
                f"mapping {self.where} has the currency {self.mapping.currency}, the workspace "
                f"{base}, and there is no rate. Correct the mapping, or add rates: "
                f"{{{self.mapping.currency}: ...}} to conf/sendwise.yaml."
            )
        return base

    def _present(self) -> dict[str, Section]:
        present: dict[str, Section] = {}
        for name, section in self.mapping.sections().items():
            if lacks := self.staging.check_table(section.source_table, name):
                self.report.skipped[name] = lacks
            else:
                present[name] = section
        if not present:
            lacks = ", ".join(sorted(set(self.report.skipped.values())))
            raise ConfigError(f"mapping {self.where} reads inputs that are not given: {lacks}.")
        return present

    def _stage(self, name: str, section: Section, currency: str) -> None:
        sql = SectionSql(self.staging, section, name, time_format=self.mapping.time_format)
        if isinstance(section, EventSection):
            allowed = {currency, *self.settings.rates}
            columns = line_columns(sql, self.mapping.currency, allowed, self.now_us)
            self.lines.add(name, section, sql, columns)
        else:
            sql.stage(name, self.columns[name](sql))

    def _products(self, sql: SectionSql) -> list[Column]:
        allowed = [self.mapping.currency, *self.settings.rates]
        return [
            sql.text("product_id", required=True),
            sql.text("name", required=True),
            *(sql.text(name) for name in ("description", "category", "brand")),
            sql.currency(self.mapping.currency, allowed),
            sql.money("price", "price_minor"),
            *(sql.text(name) for name in ("image_url", "url")),
            sql.flag("available", default="true"),
            sql.time("created", "created_us", now_us=self.now_us, required=False),
            sql.json("attributes"),
        ]

    def _customers(self, sql: SectionSql) -> list[Column]:
        email = sql.text("email")
        bad = r"NOT regexp_full_match(email, '[^@\s]+@[^@\s]+\.[^@\s]+')"
        return [
            sql.text("customer_id", required=True),
            Column("email", f"lower({email.sql})", ((bad, "e-mail address is not one"),)),
            sql.json("traits"),
        ]

    def _consents(self, sql: SectionSql) -> list[Column]:
        purposes = ", ".join(f"'{purpose}'" for purpose in PURPOSES)
        purpose, source = sql.text("purpose", required=True), sql.text("source")
        granted = sql.flag("granted", default="false")
        return [
            sql.text("customer_id", required=True),
            Column(
                "purpose",
                purpose.sql,
                (*purpose.checks, (f"purpose NOT IN ({purposes})", "unknown purpose")),
            ),
            Column("granted", granted.sql, (("granted IS NULL", "missing or unreadable granted"),)),
            sql.text("lawful_basis", required=True),
            Column("source", f"coalesce({source.sql}, '{self.mapping.source}')"),
            sql.text("policy_version", required=True),
            sql.time("time", "ts_us", now_us=self.now_us),
        ]

    def _refuse_nothing(self, sections: dict[str, Section]) -> None:
        """Stop where a whole section gives nothing: that is a mistake, not data."""
        for name, section in sections.items():
            table, mine = (
                ("lines", f"section = '{name}'")
                if isinstance(section, EventSection)
                else (name, "true")
            )
            total, good = self.staging.db.execute(
                f"SELECT count(*), count(*) FILTER (reason IS NULL) FROM {OURS}.{table} WHERE {mine}"  # noqa: S608
            ).fetchall()[0]
            if good:
                continue
            file = self.staging.file_of(section.source_table)
            if not total:
                what = (
                    "the catalogue is empty"
                    if name == "products"
                    else f"section {name} has no rows"
                )
                raise DataError(f"{what}: {file} holds no data row. Check the file.")
            (reason, number), *_ = self._reasons(table, mine)
            raise DataError(
                f"none of the {total:,} rows of {file} can be used; {number:,} have: {reason}. "
                f"Check section {name} of mapping {self.where}."
            )

    def _reasons(self, table: str, mine: str) -> list[tuple[str, int]]:
        return self.staging.db.execute(
            f"SELECT reason, count(*) FROM {OURS}.{table} "  # noqa: S608
            f"WHERE reason IS NOT NULL AND {mine} GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()

    def _load_catalogue(self, log: EventLog | None, sections: dict[str, Section]) -> None:
        """Stage the catalogue as it will be: this import's products over those of the log."""
        db, names = self.staging.db, ", ".join(CATALOGUE.names)
        if "products" in sections:
            db.execute(
                f"CREATE TABLE {OURS}.catalogue AS SELECT {names} FROM {OURS}.products "  # noqa: S608
                "WHERE reason IS NULL QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY _row) = 1"
            )
        else:
            db.register("nothing", CATALOGUE.empty_table())
            db.execute(f"CREATE TABLE {OURS}.catalogue AS SELECT * FROM nothing")
        if log is not None:
            db.register("stored_catalogue", log.catalogue())
            db.execute(
                f"INSERT INTO {OURS}.catalogue SELECT {names} FROM stored_catalogue "  # noqa: S608
                f"ANTI JOIN {OURS}.catalogue USING (product_id)"
            )

    # -- writing

    def _commit(
        self, log: EventLog, currency: str, sections: dict[str, Section], progress: Progress
    ) -> None:
        log.fix_currency(currency)
        changed: dict[str, int] = {}
        if "products" in sections:
            self.report.products, updated = self._put(log.put_products, "products", CATALOGUE)
            changed["products"] = self.report.products + updated
        if "customers" in sections:
            self.report.customers, updated = self._put(log.put_customers, "customers", CUSTOMERS)
            changed["customers"] = self.report.customers + updated
        if "consents" in sections:
            self.report.consents = changed["consents"] = self._record_consents()
        self._quarantine(log, sections)
        if self.lines.stages:
            self._write_events(log, progress)
            changed |= {name: 0 for name in sections if name.startswith("events")}
            changed |= self.lines.fresh_by_section()
        for name, section in sections.items():
            self.report.sections.append(self._count(name, section, changed[name]))

    def _put(
        self, put: Callable[[pa.Table], tuple[int, int]], table: str, schema: pa.Schema
    ) -> tuple[int, int]:
        key = schema.names[0]
        rows = self.staging.db.sql(
            f"SELECT {', '.join(schema.names)} FROM {OURS}.{table} WHERE reason IS NULL "  # noqa: S608
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _row) = 1 ORDER BY {key}"
        )
        new = updated = 0
        for batch in rows.to_arrow_reader(CHUNK):
            more_new, more_updated = put(pa.Table.from_batches([batch]).cast(schema))
            new, updated = new + more_new, updated + more_updated
        return new, updated

    def _record_consents(self) -> int:
        rows = self.staging.db.execute(
            f"SELECT {', '.join(CONSENTS.names)} FROM {OURS}.consents WHERE reason IS NULL "  # noqa: S608
            "ORDER BY ts_us, customer_id, purpose"
        )
        ledger, new = ConsentLedger(self.path), 0
        while chunk := rows.fetchmany(CHUNK):
            new += ledger.record(Consent(*row) for row in chunk)
        ledger.close()
        return new

    def _quarantine(self, log: EventLog, sections: dict[str, Section]) -> None:
        file = {
            name: self.staging.file_of(section.source_table) for name, section in sections.items()
        }
        queries = [
            f"SELECT input, _row, reason, payload FROM {OURS}.rejects",  # noqa: S608
            *(
                f"SELECT '{name}', _row, reason, payload FROM {OURS}.{name} WHERE reason IS NOT NULL"  # noqa: S608
                for name in sections
                if not name.startswith("events")
            ),
        ]
        if self.lines.stages:
            queries.append(
                f"SELECT section, _row, reason, payload FROM {OURS}.lines WHERE reason IS NOT NULL"  # noqa: S608
            )
        rows = self.staging.db.execute(" UNION ALL ".join(queries))
        while chunk := rows.fetchmany(CHUNK):
            names, numbers, reasons, payloads = zip(*chunk, strict=True)
            log.put_aside(
                pa.table(
                    {
                        "source": [self.mapping.source] * len(chunk),
                        "file": [file.get(name) or self.staging.file_of(name) for name in names],
                        "row": numbers,
                        "reason": reasons,
                        "payload": payloads,
                    }
                )
            )

    def _write_events(self, log: EventLog, progress: Progress) -> None:
        total, done = self.lines.count("events"), 0
        for new, events, items in self.lines.batches():
            if new:
                self.report.events += log.append(events, items)
            else:
                log.revise(events, items)
                self.report.revised += len(events)
            done += len(events)
            progress("writing events", done, total)
        self.report.items = self.lines.count("items")

    def _count(self, name: str, section: Section, accepted: int) -> Counts:
        events = isinstance(section, EventSection)
        table, mine = ("lines", f"section = '{name}'") if events else (name, "true")
        reasons = dict(self._reasons(table, mine))
        rejects = self.staging.db.execute(
            f"SELECT reason, count(*) FROM {OURS}.rejects WHERE input = ? GROUP BY 1",  # noqa: S608
            [section.source_table],
        ).fetchall()
        reasons |= {str(reason): int(number) for reason, number in rejects}
        read = self.lines._one(f"SELECT count(*) FROM {OURS}.{table} WHERE {mine}")  # noqa: S608
        read += sum(int(number) for _, number in rejects)
        duplicate = read - accepted - sum(reasons.values())
        file = self.staging.file_of(section.source_table)
        return Counts(name, file, read, accepted, duplicate, reasons)
