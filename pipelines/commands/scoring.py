"""The `score` and `evaluate` commands."""

from __future__ import annotations

import typer

from core.clock import parse_as_of
from pipelines.cli import AsOf, JsonFlag, app, settings_of


@app.command()
def score(context: typer.Context, *, as_of: AsOf = "", as_json: JsonFlag = False) -> None:
    """Score every customer, and make the snapshot that e-mails are personalised from.

    Uses the champions of `sendwise models`: the probability to order, the cluster, and lists of
    products to buy again and to discover. What has no model yet stays empty and says which
    command makes it. The same inputs give the same snapshot; serving takes up a new one at once.

    **Example:** `sendwise score --as-of 2017-12-01`
    """
    from pipelines.score_customers import score_customers

    score_customers(settings_of(context), as_of=parse_as_of(as_of)).show(as_json=as_json)
