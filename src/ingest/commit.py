"""The writing half of an import: from the staging database into the log, with a report."""

# ruff: noqa: S608  # SQL is put together from our own names

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from ingest.contract import CATALOGUE, CONSENTS, CUSTOMERS
from ingest.inputs import OURS, Staging
from ingest.lines import Lines, Progress
from ingest.log import EventLog
from ingest.mapping import EventSection, Section, literal
from ingest.schema import CHUNK
from privacy.consent import Consent, ConsentLedger

_ASIDE: Final = ("source", "file", "row", "reason", "payload")


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


def reasons_of(staging: Staging, name: str, section: Section) -> dict[str, int]:
    """Return how many staged rows of a section have each reason, most frequent first."""
    return dict(
        staging.rows(
            f"SELECT reason, count(*) FROM {_table(name, section)} "
            "AND reason IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        )
    )


def _table(name: str, section: Section) -> str:
    if isinstance(section, EventSection):
        return f"{OURS}.lines WHERE section = {literal(name)}"
    return f"{OURS}.{name} WHERE true"


class Commit:
    """Writes what was staged. Repeating it adds nothing."""

    def __init__(
        self,
        staging: Staging,
        lines: Lines,
        log: EventLog,
        source: str,
        sections: dict[str, Section],
    ) -> None:
        self.staging = staging
        self.lines = lines
        self.log = log
        self.source = source
        self.sections = sections
        self.report = Report()

    def run(self, progress: Progress) -> Report:
        """Write catalogue, customers, consents and quarantine, then the events in batches."""
        changed = dict.fromkeys(self.sections, 0)
        progress("writing products and customers", 0, 1)
        if "products" in self.sections:
            self.report.products, changed["products"] = self._put(
                self.log.put_products, "products", CATALOGUE
            )
        if "customers" in self.sections:
            self.report.customers, changed["customers"] = self._put(
                self.log.put_customers, "customers", CUSTOMERS
            )
        if "consents" in self.sections:
            self.report.consents = changed["consents"] = self._record_consents()
        self._set_aside()
        if self.lines.stages:
            self._write_events(progress)
            changed |= self.lines.fresh_by_section()
        for name, section in self.sections.items():
            self.report.sections.append(self._count(name, section, changed[name]))
        self.report.sections += self._malformed()
        return self.report

    def _put(
        self, put: Callable[[pa.Table], tuple[int, int]], table: str, schema: pa.Schema
    ) -> tuple[int, int]:
        """Return how many rows were new, and how many new or changed."""
        key = schema.names[0]
        new = changed = 0
        for rows in self.staging.batches(
            f"SELECT {', '.join(schema.names)} FROM {OURS}.{table} WHERE reason IS NULL "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY _row) = 1 ORDER BY {key}",
            CHUNK,
        ):
            more, updated = put(rows.cast(schema))
            new, changed = new + more, changed + more + updated
        return new, changed

    def _record_consents(self) -> int:
        ledger, new = ConsentLedger(self.log.path), 0
        for rows in self.staging.batches(
            f"SELECT {', '.join(CONSENTS.names)} FROM {OURS}.consents WHERE reason IS NULL "
            "ORDER BY ts_us, customer_id, purpose",
            CHUNK,
        ):
            new += ledger.record(Consent(**row) for row in rows.to_pylist())
        ledger.close()
        return new

    def _set_aside(self) -> None:
        parts = [f"SELECT input AS name, _row, reason, payload FROM {OURS}.rejects"]
        for name, section in self.sections.items():
            parts.append(
                f"SELECT {literal(section.source_table)}, _row, reason, payload "
                f"FROM {_table(name, section)} AND reason IS NOT NULL"
            )
        for rows in self.staging.batches(" UNION ALL ".join(parts), CHUNK):
            files = [self.staging.file_of(name) for name in rows.column("name").to_pylist()]
            columns = [[self.source] * len(files), files, *rows.columns[1:]]
            self.log.put_aside(pa.table(dict(zip(_ASIDE, columns, strict=True))))

    def _write_events(self, progress: Progress) -> None:
        total, done = self.lines.count("events"), 0
        progress("writing events", done, total)
        for new, events, items in self.lines.batches():
            if new:
                self.report.events += self.log.append(events, items)
            else:
                self.log.revise(events, items)
                self.report.revised += len(events)
            done += len(events)
            progress("writing events", done, total)
        self.report.items = sum(self.lines.fresh_by_section(items=True).values())

    def _count(self, name: str, section: Section, accepted: int) -> Counts:
        read = self.staging.one(f"SELECT count(*) FROM {_table(name, section)}")
        reasons = reasons_of(self.staging, name, section)
        duplicate = read - accepted - sum(reasons.values())
        file = self.staging.file_of(section.source_table)
        return Counts(name, file, read, accepted, duplicate, reasons)

    def _malformed(self) -> list[Counts]:
        """Return lines that no section saw, because they are no rows of their file."""
        found: list[Counts] = []
        for name in self.staging.inputs:
            reasons: dict[str, int] = dict(
                self.staging.rows(
                    f"SELECT reason, count(*) FROM {OURS}.rejects WHERE input = ? GROUP BY 1",
                    [name],
                )
            )
            if total := sum(reasons.values()):
                file = self.staging.file_of(name)
                found.append(Counts("malformed lines", file, total, 0, 0, reasons))
        return found
