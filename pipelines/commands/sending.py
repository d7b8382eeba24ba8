"""Commands: sending."""

from __future__ import annotations

from typing import Annotated

import typer

from campaigns.claims import Verdict
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


@app.command()
def settle(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="A campaign that was sent.")],
    *,
    send_id: Annotated[str, typer.Option(help="The send.")],
    verdict: Annotated[
        Verdict | None,
        typer.Option("--as", help="`sent`: they got it. `again`: the next run mails them."),
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="Only this customer; may be given several times. Default: all unknown."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the recipients of a send whose outcome is unknown, or say what became of them.

    Unknown are those whose e-mail was leaving when the connection or the machine died. Look for
    their Message-ID in the server's log (or the outbox) before you settle them.

    Example: `sendwise settle weekly_picks --send-id weekly_picks-2026-11-22 --as again`
    """
    from pipelines.settle_send import settle_send

    settle_send(
        settings_of(context),
        campaign=campaign,
        send_id=send_id,
        as_of=parse_as_of(""),
        verdict=verdict,
        customers=customer or [],
    ).show(as_json=as_json)


@app.command()
def publish(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="A folder of conf/campaigns.")],
    *,
    as_of: AsOf = "",
    as_json: JsonFlag = False,
) -> None:
    """Check a campaign, compile it, and put it where the service finds it.

    Renders every branch it can take: each block, with and without personal content, with missing
    and with hostile data. What is wrong is said in one line with file and line; the campaign that
    was published before then stays.

    Example: `sendwise publish weekly_picks`
    """
    from pipelines.publish_campaign import publish_campaign

    publish_campaign(settings_of(context), campaign, as_of=parse_as_of(as_of)).show(as_json=as_json)


@app.command()
def preview(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(help="A folder of conf/campaigns.")],
    *,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="Show it for this customer; may be given several times."),
    ] = None,
    as_of: AsOf = "",
    as_json: JsonFlag = False,
) -> None:
    """Look at a campaign: every branch side by side, on a desktop and on a phone, with reasons.

    Renders what is in conf/campaigns now, published or not, for customers of the snapshot.

    Example: `sendwise preview weekly_picks --customer 1012`
    """
    from pipelines.preview_campaign import preview_campaign

    preview_campaign(
        settings_of(context), campaign, as_of=parse_as_of(as_of), customers=customer or []
    ).show(as_json=as_json)
