"""The `simulate` command."""

from __future__ import annotations

from typing import Annotated

import typer

from core.clock import parse_as_of
from pipelines.cli import JsonFlag, app, settings_of


@app.command()
def simulate(
    context: typer.Context,
    *,
    customers: Annotated[int, typer.Option(help="How many customers the shop has.")] = 10_000,
    days: Annotated[int, typer.Option(help="How many days, back from `--as-of`.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 1,
    events_per_customer: Annotated[
        float, typer.Option(help="Events in a year of a customer who stays, on average.")
    ] = 60.0,
    as_of: Annotated[
        str,
        typer.Option(
            help="The end of the simulation (ISO 8601). Empty: now; a date: midnight UTC."
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a workspace of a simulated shop, to try things on and to see what models recover.

    Views, carts, orders, refunds, campaigns with a held-out part, opens by people and by
    machines, late and repeated deliveries, customers who are anonymous at first. What made the
    events (tastes, rhythms, effects of campaigns, reading hours) is written to `truth/`. The
    workspace must not hold data yet; the other commands work on it as on any other.

    Example: `sendwise --home var/simulated simulate --customers 10000 --days 365 --seed 1
    --as-of 2024-01-01`, then `sendwise --home var/simulated features --as-of 2024-01-01`
    """
    from pipelines.simulate_shop import simulate_shop

    simulate_shop(
        settings_of(context),
        as_of=parse_as_of(as_of),
        customers=customers,
        days=days,
        seed=seed,
        events_per_customer=events_per_customer,
    ).show(as_json=as_json)
