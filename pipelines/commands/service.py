"""The `serve` and `bento` commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import JsonFlag, app, settings_of


@app.command()
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3000,
    host: Annotated[
        str,
        typer.Option(
            help="IP address to listen on. The default is this machine only: the service has no "
            "keys yet, so put a proxy that asks for them before any other address."
        ),
    ] = "127.0.0.1",
    as_of: Annotated[
        str,
        typer.Option(
            help="The service's clock (ISO 8601), for data of the past. "
            "Empty: SENDWISE_NOW, else the real time."
        ),
    ] = "",
) -> None:
    """Answer predictions, recommendations and finished content over HTTP, until Ctrl-C.

    Serves what the workspace has: with nothing there yet it starts, says what is missing, and
    falls back. A new snapshot or campaign is taken up within a second, without a restart.

    **Example:** `sendwise --home var/demo serve --as-of 2017-12-01`
    """
    from pipelines.run_service import run_service

    run_service(settings_of(context), host=host, port=port, as_of=as_of)


@app.command()
def bento(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None,
        typer.Option(help="Also export the bento to this file (.bento) or folder."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Pack the service into a bento: code, conf, published campaigns and the champions.

    It holds no customer data, and runs where sendwise is not installed: point SENDWISE_HOME at
    a workspace (an absolute path) and start it with `bentoml serve`. With an empty workspace it
    starts too, and knows nobody: static content, and nobody who may be mailed.

    **Example:** `sendwise --home var/demo bento`
    """
    from pipelines.build_bento import build_bento

    build_bento(settings_of(context), output=output).show(as_json=as_json)
