"""Commands: reporting."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli import JsonFlag, app, settings_of


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
            "--include-lifetime", help="Also compare what only grows with history, like tenure."
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
