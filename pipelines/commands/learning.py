"""Commands: learning."""

from __future__ import annotations

import typer

from core.clock import parse_as_of
from pipelines.cli import AsOf, JsonFlag, app, settings_of


@app.command()
def features(context: typer.Context, as_of: AsOf = "", as_json: JsonFlag = False) -> None:
    """Write one row of features per customer to Parquet, for notebooks and other tools.

    Recency, orders and revenue over several windows, rhythm, basket, discounts, tastes: what
    was known strictly before `--as-of`. The table shows each feature with its unit; the files
    go to `features/` in the workspace, and the same input gives the same files.

    Example: `sendwise features --as-of 2017-12-01`
    """
    from pipelines.build_features import build_features

    build_features(settings_of(context), as_of=parse_as_of(as_of)).show(as_json=as_json)
