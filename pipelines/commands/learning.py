"""Commands: learning."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.clock import parse_as_of
from core.errors import ConfigError
from pipelines.cli import AsOf, JsonFlag, app, settings_of

TRIALS: Final = 6  # the demo's too: trained again by hand, its models are unchanged

What = Annotated[
    str,
    typer.Argument(
        help="propensity, engagement, churn, value, clusters, recommender or send-time."
    ),
]
Event = Annotated[str, typer.Option(help="propensity: what is foretold. Empty: Order Completed.")]
Days = Annotated[
    int,
    typer.Option(
        min=0, help="propensity, engagement: days ahead. 0: 30, but 7 for opens and clicks."
    ),
]
Category = Annotated[
    str, typer.Option(help="propensity: only with a product of this category or one below it.")
]
WhichAnswer = Annotated[
    str, typer.Option("--answer", help="engagement: opened, clicked or redeemed. Empty: clicked.")
]
Trials = Annotated[int, typer.Option(min=0, help="Tuning trials; 0 keeps the defaults.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Train and evaluate, but register nothing.")
]


@app.command()
def features(
    context: typer.Context,
    *,
    as_of: AsOf = "",
    sql: Annotated[
        str,
        typer.Option(
            "--sql",
            help="Print the query for duckdb, snowflake, bigquery, postgres or databricks instead.",
        ),
    ] = "",
    daily: Annotated[
        bool,
        typer.Option("--daily", help="Go on from yesterday's daily build."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write one row of features per customer to Parquet, for notebooks and other tools.

    Orders, rhythm, e-mails, visits, carts, tastes, habits: what was known strictly before
    `--as-of` of everybody who was seen. The table shows each feature with its unit; of a text,
    what is most common. The files go to `features/` in the workspace; the same input gives the
    same rows, in any order. Customers who do not consent to `model_training` are left out; the
    last lines say how many.

    With `--daily`, for a job that runs every night, a build reads the day's events and what the
    build before has kept in `features/state`, which takes a quarter of the time of a large shop's
    full build. It is as of a midnight (UTC), without `--as-of` the last one. It builds in full by
    itself where going on would not give the same: the first time, after a week without a build,
    or when events have come in late.

    With `--sql` nothing is computed: the query that would be goes to standard output, for a
    warehouse that has the tables `events`, `items` and `customers`. It asks nobody's consent.

    Examples: `sendwise features --as-of 2017-12-01`, `sendwise features --daily`,
    `sendwise features --as-of 2017-12-01 --sql snowflake > features.sql`
    """
    from pipelines.build_features import build_features, features_sql

    instant = parse_as_of(as_of)
    if daily and not as_of:
        instant = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    if sql and daily:
        raise ConfigError("give either --sql, which computes nothing, or --daily.")
    if sql:
        typer.echo(features_sql(settings_of(context), as_of=instant, dialect=sql))
    else:
        outcome = build_features(settings_of(context), as_of=instant, daily=daily)
        outcome.show(as_json=as_json)


@app.command()
def train(
    context: typer.Context,
    *,
    what: What,
    as_of: AsOf = "",
    event: Event = "",
    days: Days = 0,
    category: Category = "",
    answer: WhichAnswer = "",
    trials: Trials = TRIALS,
    dry_run: DryRun = False,
    as_json: JsonFlag = False,
) -> None:
    """Train one model, compare it with its baselines and the champion, keep the better one.

    The run is tracked in MLflow with its data digest, plots and model card. The winner becomes
    a registered version; the alias `champion` moves only when the promotion gate says so. A
    champion that stays is a normal outcome: the table says who won, by how much, and why.
    The same data and parameters again change nothing.

    Examples: `sendwise train propensity --as-of 2017-12-01 --trials 20`,
    `sendwise train propensity --event "Product Added" --days 14 --category SHOES`,
    `sendwise train engagement --answer opened`
    """
    from pipelines.training import chosen_of, train_model

    outcome = train_model(
        settings_of(context),
        what,
        as_of=parse_as_of(as_of),
        trials=trials,
        register=not dry_run,
        **chosen_of(what, event=event, days=days, category=category, answer=answer),
    )
    outcome.show(as_json=as_json)


@app.command()
def doctor(context: typer.Context, *, as_of: AsOf = "", as_json: JsonFlag = False) -> None:
    """Say which models the data can carry: what each needs, what there is, what is used instead.

    Only customers who consent to `model_training` count. Training refuses with the same words.
    The minimums are settings, `least_...`. Too little is a finding, not a failure: exit code 0.

    Example: `sendwise doctor --as-of 2017-12-01`
    """
    from pipelines.doctor import examine

    examine(settings_of(context), as_of=parse_as_of(as_of)).show(as_json=as_json)


@app.command()
def models(
    context: typer.Context,
    *,
    promote: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="NAME VERSION", help="Make a version the champion, past the gate."),
    ] = None,
    rollback: Annotated[
        str | None, typer.Option(metavar="NAME", help="Return to the champion before this one.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the registered models, or move the alias `champion` by hand.

    `champion` is what scoring and the service use, `challenger` the last one that did not pass
    the gate. After a move, run `sendwise score`: a running service takes it up within a second.

    Example: `sendwise models --rollback propensity-order-30d`
    """
    from pipelines.list_models import list_models, promote_model, rollback_model

    settings = settings_of(context)
    if promote and rollback:
        raise ConfigError("give --promote or --rollback, not both.")
    if promote:
        outcome = promote_model(settings, *promote)
    elif rollback:
        outcome = rollback_model(settings, rollback)
    else:
        outcome = list_models(settings)
    outcome.show(as_json=as_json)
