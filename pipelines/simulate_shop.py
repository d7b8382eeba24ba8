"""Make a workspace of a simulated shop, whose truth is known and lies beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Final

import pyarrow.parquet as pq

from core.errors import ConfigError
from core.files import new_folder
from core.settings import Settings
from ingest import book
from ingest.contract import CONSENTS
from ingest.importer import EVENTS_DB
from ingest.log import EventLog
from ingest.schema import to_rows
from pipelines.outcome import Outcome, progress_bar
from privacy.consent import ConsentLedger
from simulator.parameters import CURRENCY, EVENTS_PER_CUSTOMER, TIMEZONE, Parameters
from simulator.shop import Report, simulate

_LAKE, _TRUTH = "lake", "truth"
_CONSENTS_AT_A_TIME: Final = 100_000


def simulate_shop(
    settings: Settings,
    *,
    as_of: datetime,
    customers: int,
    days: int,
    seed: int,
    events_per_customer: float = EVENTS_PER_CUSTOMER,
) -> Outcome:
    """Simulate the `days` before `as_of` of a shop, and write them as a workspace.

    Writes `lake/`, `truth/`, and `events.db` with the consents; all of it or nothing.

    Raises:
        ConfigError: A parameter is out of its bounds, or the workspace holds data already.
    """
    parameters = Parameters(
        customers=customers,
        days=days,
        seed=seed,
        as_of=as_of,
        events_per_customer=events_per_customer,
    )
    _check_empty(settings.home)
    began = perf_counter()
    with _all_or_nothing(settings.home), new_folder(settings.home / _TRUTH) as truth:
        with new_folder(settings.home / _LAKE) as lake:
            chunks = parameters.chunks()
            total = chunks[-1][1] - chunks[0][0]
            with progress_bar(f"simulating {days:,} days", total) as advance:
                report = simulate(parameters, lake, truth, progress=advance)
        _record_consents(settings.home)
    return _outcome(settings.home, parameters, report, perf_counter() - began)


def _check_empty(home: Path) -> None:
    for name in (EVENTS_DB, _LAKE, _TRUTH):
        if (home / name).exists():
            raise ConfigError(
                f"{home / name} is there already, and a simulated shop is not mixed with other "
                "data. Name another folder: sendwise --home var/simulated simulate ..."
            )


@contextmanager
def _all_or_nothing(home: Path) -> Iterator[None]:
    """Remove what is there of the workspace if the block does not end well."""
    try:
        yield
    except BaseException:
        for name in (_LAKE, _TRUTH):
            shutil.rmtree(home / name, ignore_errors=True)
        for file in home.glob(f"{EVENTS_DB}*"):
            file.unlink(missing_ok=True)
        raise


def _record_consents(home: Path) -> None:
    """Bring the consents of the lake into the ledger, which all that needs consent asks."""
    path = home / _LAKE / "consents.parquet"
    with closing(EventLog(home / EVENTS_DB)) as log:
        log.fix_currency(CURRENCY)
        log.fix_timezone(TIMEZONE)
        with closing(ConsentLedger(home / EVENTS_DB)) as ledger, pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_CONSENTS_AT_A_TIME):
                ledger.record_many(to_rows(batch, CONSENTS.names))
        # The lake has them all: readers need not ask the ledger again.
        last = log.rows("SELECT coalesce(max(id), 0) FROM consents")[0][0]
        log.set_mark(book.mark("consents"), last)


def _outcome(home: Path, parameters: Parameters, report: Report, seconds: float) -> Outcome:
    a_second = report.total / seconds
    who = "1 customer" if parameters.customers == 1 else f"{parameters.customers:,} customers"
    when = "1 day" if parameters.days == 1 else f"{parameters.days:,} days"
    return Outcome(
        title=f"A shop of {who} over {when}, seed {parameters.seed}",
        data={
            "lake": str(home / _LAKE),
            "truth": str(home / _TRUTH),
            "customers": parameters.customers,
            "identified": report.customers,
            "days": parameters.days,
            "as_of": parameters.as_of.isoformat(),
            "seed": parameters.seed,
            "events": report.total,
            "items": report.items,
            "delivered_twice": report.twice,
            "products": report.products,
            "campaigns": report.campaigns,
            "by_event": report.events,
            "seconds": round(seconds, 3),
            "events_per_second": round(a_second),
        },
        columns=("event", "count"),
        rows=[(name, count) for name, count in report.events.items()],
        notes=[
            f"{report.total:,} events in {seconds:,.1f} s: {a_second:,.0f} events a second.",
            f"Customers who said who they are: {report.customers:,}. Items: {report.items:,}.",
            f"Products: {report.products:,}. Campaigns: {report.campaigns:,}.",
            f"events: {home / _LAKE}",
            f"truth: {home / _TRUTH}",
        ],
    )
