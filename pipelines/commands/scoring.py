"""The `score` and `evaluate` commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

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


@app.command()
def evaluate(
    what: Annotated[Literal["recommender"], typer.Argument(help="What to evaluate.")],
    train: Annotated[Path, typer.Option(help="Interactions to learn from: .csv, .parquet, .txt.")],
    test: Annotated[Path, typer.Option(help="Interactions to be measured against.")],
    *,
    k: Annotated[int, typer.Option(min=1, max=1_000, help="Places of a list that count.")] = 20,
    trials: Annotated[
        int, typer.Option(min=0, help="Optuna trials for ALS; 0 keeps the defaults.")
    ] = 6,
    user_column: Annotated[str, typer.Option(help="What the column of users is called.")] = "user",
    item_column: Annotated[str, typer.Option(help="That of items.")] = "item",
    weight_column: Annotated[
        str, typer.Option(help="That of weights. Empty: `weight`, if there is one.")
    ] = "",
    time_column: Annotated[
        str, typer.Option(help="That of times. Empty: `time`, if there is one.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Measure recommenders on any interactions, for benchmarks or your own export.

    Popularity, ALS, item-KNN, a blend of these two and, up to 20,000 items, EASE. Files have a
    column of users and one of items, and perhaps of weights and times (ISO 8601, or seconds); a
    `.txt` is LightGCN's format, one line per user: `user item item ...`. With times, popular is
    what sells in the last 30 days, and what users take again is measured apart. Tuning never sees
    the test file.

    **Example:** `sendwise evaluate recommender --train train.txt --test test.txt --k 20`
    """
    del what  # one choice so far; the word keeps the command line open for others
    from pipelines.evaluate_recommender import evaluate_recommender
    from pipelines.interaction_files import Columns

    columns = Columns(
        user=user_column, item=item_column, weight=weight_column or None, time=time_column or None
    )
    outcome = evaluate_recommender(train=train, test=test, k=k, trials=trials, columns=columns)
    outcome.show(as_json=as_json)
