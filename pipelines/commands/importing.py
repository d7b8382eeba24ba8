"""The `import` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.clock import parse_as_of
from pipelines.cli import JsonFlag, app, settings_of


@app.command("import")
def import_command(
    context: typer.Context,
    *,
    dataset: Annotated[
        str,
        typer.Option(help="A data set with a ready mapping: complete-journey or online-retail."),
    ] = "",
    path: Annotated[
        Path | None,
        typer.Option(help="Where the data set lies, if it is not an installed package."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Your mapping file (docs/how-to/import-your-data.md).")
    ] = None,
    events: Annotated[Path | None, typer.Option(help="CSV or Parquet file of events.")] = None,
    products: Annotated[Path | None, typer.Option(help="CSV or Parquet file of products.")] = None,
    customers: Annotated[
        Path | None, typer.Option(help="CSV or Parquet file of customers.")
    ] = None,
    consents: Annotated[Path | None, typer.Option(help="CSV or Parquet file of consents.")] = None,
    as_of: Annotated[
        str,
        typer.Option(
            help="The import's clock (ISO 8601): rows more than a day after it are refused, the "
            "days before it are written to the lake. Empty: now."
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Bring purchases, products and customers into the workspace.

    Rows that break the contract go to quarantine with file, row number and reason. The same file
    imported twice adds nothing, and an import that was stopped is simply run again.

    **Example:** `sendwise import --mapping shop.yaml --events orders.csv --products products.csv`
    """
    from pipelines.import_data import import_data

    given = {"events": events, "products": products, "customers": customers, "consents": consents}
    import_data(
        settings_of(context),
        as_of=parse_as_of(as_of),
        dataset=dataset,
        path=path,
        mapping=mapping,
        inputs={name: file for name, file in given.items() if file is not None},
    ).show(as_json=as_json)
