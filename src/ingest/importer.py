"""Import foreign files through a mapping: read, check, set aside, group, commit.

Everything is read and checked in a staging database before the workspace is touched; then the
log is written in batches. Each batch is whole or absent, and every id is stable, so an import
that was interrupted is simply run again.
"""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from core.clock import to_us
from core.errors import ConfigError, DataError
from core.settings import Settings
from ingest import checks
from ingest.commit import Commit, Report, reasons_of
from ingest.contract import CATALOGUE
from ingest.inputs import OURS, Staging, is_parquet
from ingest.lines import Lines, Progress
from ingest.lock import import_lock
from ingest.log import EventLog
from ingest.mapping import CustomerSection, EventSection, Mapping, ProductSection, Section
from ingest.sections import SectionSql

EVENTS_DB: Final = "events.db"


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
        """Prepare an import.

        Args:
            settings: Workspace, base currency and rates.
            mapping: What the columns mean.
            where: The mapping's file, for messages.
            inputs: Files by the name the mapping knows them by.
            as_of: The import's clock: rows later than a day after it are refused.
        """
        self.settings = settings
        self.mapping = mapping
        self.where = where
        self.inputs = inputs
        self.now_us = to_us(as_of)
        self.path = settings.home / EVENTS_DB

    def run(self, progress: Progress) -> Report:
        """Do all of it.

        Raises:
            ConfigError: The mapping does not fit the files, or its currency the workspace.
            DataError: A file is missing or unreadable, or no row of it can be used.
            UnavailableError: Another import into the workspace is running.
        """
        with import_lock(self.settings.home):
            return self._run(progress)

    def _run(self, progress: Progress) -> Report:
        currency = self._base_currency()
        with Staging(self.where, self.inputs) as self.staging:
            progress("reading", 0, 1)
            self.staging.open_inputs(self.mapping)
            self.lines = Lines(self.staging, self.mapping.source)
            sections, skipped = self._present()
            for number, (name, section) in enumerate(sections.items()):
                progress("checking", number, len(sections) + 1)
                sql = self._stage(name, section, currency)
                self._refuse_nothing(name, section, sql)
            log = EventLog(self.path) if self.path.exists() else None
            try:
                self._load_catalogue(log, sections)
                self.lines.settle(log if log and log.count("events") else None, progress)
                log = log or EventLog(self.path)
                log.fix_currency(currency)
                log.fix_timezone(self.mapping.timezone)
                commit = Commit(self.staging, self.lines, log, self.mapping.source, sections)
                report = commit.run(progress)
            finally:
                if log is not None:
                    log.close()
        report.skipped = skipped
        return report

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

    def _present(self) -> tuple[dict[str, Section], dict[str, str]]:
        """Return the sections whose inputs are there, and what the others lack."""
        present: dict[str, Section] = {}
        skipped: dict[str, str] = {}
        for name, section in self.mapping.sections().items():
            if lacks := self.staging.check_table(section.source_table, name):
                skipped[name] = lacks
            else:
                present[name] = section
        if not present:
            lacks = ", ".join(sorted(set(skipped.values())))
            raise ConfigError(f"mapping {self.where} reads inputs that are not given: {lacks}.")
        return present, skipped

    def _stage(self, name: str, section: Section, currency: str) -> SectionSql:
        sql = SectionSql(self.staging, section, name, time_format=self.mapping.time_format)
        given, allowed = self.mapping.currency, {currency, *self.settings.rates}
        if isinstance(section, EventSection):
            columns = checks.line_columns(sql, section, given, allowed, self.now_us)
            self.lines.add(name, section, sql, columns)
        elif isinstance(section, ProductSection):
            sql.stage(name, checks.product_columns(sql, given, allowed, self.now_us))
        elif isinstance(section, CustomerSection):
            sql.stage(name, checks.customer_columns(sql))
        else:
            sql.stage(name, checks.consent_columns(sql, self.mapping.source, self.now_us))
        return sql

    def _refuse_nothing(self, name: str, section: Section, sql: SectionSql) -> None:
        """Stop where a whole section gives nothing: that is a mistake, not data."""
        table, mine = (
            ("lines", f"section = '{name}'")
            if isinstance(section, EventSection)
            else (name, "true")
        )
        total, good = self.staging.rows(
            f"SELECT count(*), count(*) FILTER (reason IS NULL) FROM {OURS}.{table} WHERE {mine}"
        )[0]
        if good:
            return
        path = self.inputs.get(section.source_table)
        file = path or section.source_table
        if not total:
            what = "the catalogue is empty" if name == "products" else f"section {name} has no rows"
            raise DataError(f"{what}: {file} holds no data row. Check the file.")
        reason, number = next(iter(reasons_of(self.staging, name, section).items()))
        row, payload = self.staging.rows(
            f"SELECT _row, payload FROM {OURS}.{table} WHERE {mine} AND reason = ? "
            "ORDER BY _row LIMIT 1",
            [reason],
        )[0]
        unit = "line" if path and not is_parquet(path) else "row"
        example = sql.example(reason, f"{unit} {row:,}" if row else "", payload)
        raise DataError(
            f"none of the {total:,} rows of {file} can be used; {number:,} of them: {reason}"
            + (f", for example {example}. " if example else ". ")
            + f"{sql.hints.get(reason, '')} Check section {name} of mapping {self.where}.".lstrip()
        )

    def _load_catalogue(self, log: EventLog | None, sections: dict[str, Section]) -> None:
        """Stage the catalogue as it will be: this import's products over those of the log."""
        names = ", ".join(CATALOGUE.names)
        self.staging.insert("catalogue", CATALOGUE.empty_table())
        if "products" in sections:
            self.staging.db.execute(
                f"INSERT INTO {OURS}.catalogue SELECT {names} FROM {OURS}.products "
                "WHERE reason IS NULL "
                "QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY _row) = 1"
            )
        if log is not None:
            self.staging.insert("stored_catalogue", log.catalogue())
            self.staging.db.execute(
                f"INSERT INTO {OURS}.catalogue SELECT {names} FROM {OURS}.stored_catalogue "
                f"ANTI JOIN {OURS}.catalogue USING (product_id)"
            )
