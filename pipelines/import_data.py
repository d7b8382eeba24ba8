"""Import a data set or a shop's own files into the workspace."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rich.markup import escape

from core.errors import ConfigError
from core.settings import Settings, missing_conf
from ingest.commit import Report
from ingest.datasets import DATASETS, locate
from ingest.importer import EVENTS_DB, Import
from ingest.lake import export
from ingest.lock import import_lock
from ingest.log import EventLog
from ingest.mapping import load_mapping
from pipelines.outcome import Outcome, StepBars, console, fitted


def import_data(
    settings: Settings,
    *,
    as_of: datetime,
    dataset: str = "",
    path: Path | None = None,
    mapping: Path | None = None,
    inputs: dict[str, Path] | None = None,
) -> Outcome:
    """Import through a mapping, then bring the lake up to date.

    Args:
        settings: Where to import to.
        as_of: The import's clock: later rows are refused, days before it are closed.
        dataset: A data set that sendwise has a mapping for, or
        mapping: a mapping file, with its `inputs`: name -> file.
        path: The data set's file, where it has to be given.
        inputs: Files by the name the mapping knows them by.

    Raises:
        ConfigError, DataError: See `ingest.importer`; the workspace is then as it was.
        UnavailableError: Another import into the workspace is running.
    """
    if bool(dataset) == (mapping is not None):
        raise ConfigError(
            f"give either --dataset ({' or '.join(DATASETS)}) or --mapping with your files."
        )
    if dataset:
        found = locate(dataset, path)
        mapping, inputs = settings.conf / "mappings" / found.mapping, found.inputs
        if not mapping.is_file():
            raise ConfigError(f"no mapping {mapping.absolute()}.{missing_conf(settings.conf)}")
    assert mapping is not None  # noqa: S101  # one of the two was given
    if not inputs:
        raise ConfigError("give at least one file: --events F, --products F, --customers F.")
    loaded = load_mapping(mapping)
    if loaded.notice:
        notice = fitted(console, f"Notice: {loaded.notice}").removeprefix("Notice:")
        console.print(f"[bold]Notice:[/bold]{escape(notice)}", soft_wrap=True)
    with import_lock(settings.home), StepBars() as progress:
        try:
            report = Import(settings, loaded, mapping, inputs, as_of=as_of).run(progress)
        except RuntimeError as error:
            if str(error) != "Query interrupted":  # DuckDB's word for Ctrl-C
                raise
            raise KeyboardInterrupt from None
        log = EventLog(settings.home / EVENTS_DB)
        try:
            days = export(log, settings.home, as_of=as_of, progress=progress)
        finally:
            log.close()
    return _outcome(loaded.source, report, days, loaded.notice)


def _outcome(source: str, report: Report, days: int, notice: str) -> Outcome:
    notes = [
        f"quarantined {number:,} of {part.section}: {reason}"
        for part in report.sections
        for reason, number in part.quarantined.items()
    ]
    notes.append(
        f"New: {report.events:,} events with {report.items:,} items, {report.products:,} products, "
        f"{report.customers:,} customers, {report.consents:,} consents. "
        f"Days of the lake written: {days:,}."
    )
    if report.revised:
        notes.append(f"{report.revised:,} events of before were completed or corrected.")
    notes += [f"{name}: skipped, no {lacks} file given." for name, lacks in report.skipped.items()]
    return Outcome(
        title=f"Imported {source}",
        data={"source": source, "notice": notice, **asdict(report), "lake_days": days},
        columns=("section", "read", "accepted", "duplicate", "quarantined"),
        rows=[
            (
                f"{part.section}: {part.input}",
                part.read,
                part.accepted,
                part.duplicate,
                sum(part.quarantined.values()),
            )
            for part in report.sections
        ],
        notes=notes,
    )
