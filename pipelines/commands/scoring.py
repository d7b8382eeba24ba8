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
    ] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Measure popularity and ALS on any interactions, for benchmarks or your own export.

    Files have columns `user`, `item` and perhaps `weight` and `time`; a `.txt` is LightGCN's
    format, one line per user: `user item item ...`. Tuning never sees the test file.

    **Example:** `sendwise evaluate recommender --train train.txt --test test.txt --k 20`
    """
    del what  # one choice so far; the word keeps the command line open for others
    from pipelines.evaluate_recommender import evaluate_recommender

    outcome = evaluate_recommender(train=train, test=test, k=k, trials=trials)
    outcome.show(as_json=as_json)
