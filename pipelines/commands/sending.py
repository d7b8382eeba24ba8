"""Commands: sending."""

from __future__ import annotations

from typing import Annotated

import typer

from core.clock import parse_as_of
from pipelines.cli import AsOf, JsonFlag, app, settings_of


@app.command()
def send(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="A published campaign.")],
    *,
    transport: Annotated[
        str, typer.Option(help="Where the e-mails go: `outbox` (files) or `smtp` (a server).")
    ],
    send_id: Annotated[
        str,
        typer.Option(help="Names the send; nobody gets one send twice. Empty: campaign and date."),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many recipients, the first by customer id."),
    ] = None,
    as_of: AsOf = "",
    as_json: JsonFlag = False,
) -> None:
    """Send a campaign to everybody who agreed to be mailed, each with their own content.

    Needs the running service (`sendwise serve`). It can be stopped and started again at any
    moment: it goes on where it was, and nobody gets an e-mail twice. After a look at the files of
    `--transport outbox`, give the real send a `--send-id` of its own.

    Example: `sendwise send weekly_picks --transport outbox --limit 100`
    """
    from pipelines.send_campaign import send_campaign

    send_campaign(
        settings_of(context),
        campaign=campaign,
        transport=transport,
        as_of=parse_as_of(as_of),
        send_id=send_id,
        limit=limit,
    ).show(as_json=as_json)
