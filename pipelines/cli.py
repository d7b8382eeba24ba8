"""The command line: `sendwise COMMAND`. Thin: it parses, calls one pipeline, prints the outcome."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from typer._click.exceptions import UsageError  # the one that Typer raises: it has its own Click

from core.errors import SendwiseError
from core.settings import Settings, load_settings
from pipelines.outcome import console

app = typer.Typer(
    name="sendwise",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "A self-hosted brain for e-mail personalisation.\n\n"
        "**First look:** `sendwise --home var/demo demo`\n\n"
        "**Your own data:** `import` → `train` → `score` → `publish` → `serve` → `send`.\n\n"
        "Every command that ends takes `--json` for one line of machine-readable result. "
        "Exit codes: 0 done, 2 bad input or settings, 3 a gate that was asked for did not pass."
    ),
)

# `--help` lists the commands in the order of the work.
ORDER = (
    *("demo", "import", "features", "doctor", "train", "evaluate", "models", "score"),
    *("publish", "preview", "serve", "send", "settle", "drift", "simulate", "bento"),
)

# What Typer says of a value speaks of its types, not of the option.
_PLAIN = {
    r": Input should be less than or equal to ": " must be at most ",
    r": Input should be greater than or equal to ": " must be at least ",
    r": Input should be a valid integer.*": " must be a whole number",
    r": Value error, ": ": ",
}

# Modules of commands register themselves on `app`; they import heavy rooms only when run,
# so that `--help` answers at once.
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON instead of a table.")
]
AsOf = Annotated[
    str,
    typer.Option(
        help="Use what was known before this instant (ISO 8601). Empty: now; a date: midnight UTC."
    ),
]


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # Typer calls it with the flag's value
    if wanted:
        typer.echo(f"sendwise {version('sendwise')}")
        raise typer.Exit


@contextmanager
def _lake_faults(home: Path) -> Iterator[None]:
    """Name the damaged file of the lake, where that is why DuckDB fails: it need not say which."""
    try:
        yield
    except Exception as error:
        duckdb = sys.modules.get("duckdb")  # imported by commands that read the lake
        if duckdb and isinstance(error, duckdb.Error):
            from ingest.lake import refuse_damaged

            refuse_damaged(home)
        raise


@app.callback()
def workspace(
    context: typer.Context,
    *,
    home: Annotated[
        Path | None,
        typer.Option(
            help="The workspace folder (default: SENDWISE_HOME, else `var`).", show_default=False
        ),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    """Read the settings once; commands take them from the context."""
    del show_version  # its callback did it
    settings = load_settings(home=home) if home else load_settings()
    context.obj = settings
    context.with_resource(_lake_faults(settings.home))


def settings_of(context: typer.Context) -> Settings:
    """Return the settings this command runs with."""
    settings = context.find_object(Settings)
    assert settings is not None  # noqa: S101  # the callback always runs first
    return settings


def _fail(text: str) -> NoReturn:
    console.print(f"[bold red]error:[/bold red] {escape(text)}", soft_wrap=True)
    sys.exit(2)


def main() -> None:
    """Run the command line; a caller's mistake is one line on standard error and exit code 2."""
    import pipelines.commands.importing
    import pipelines.commands.learning
    import pipelines.commands.reporting
    import pipelines.commands.scoring
    import pipelines.commands.sending
    import pipelines.commands.service
    import pipelines.commands.simulating  # noqa: F401

    app.registered_commands.sort(
        key=lambda one: ORDER.index(one.name or getattr(one.callback, "__name__", ""))
    )
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        _fail(_usage(error))
    except SendwiseError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder that is a file, missing rights
        where = error.filename or "the system"
        _fail(f"{where}: {error.strerror or error}. Check the path, its rights and the disk.")
    except sqlite3.DatabaseError as error:
        _fail(f"a database of the workspace: {error}. Is it damaged, or its folder read-only?")
    except RuntimeError as error:
        if "Query interrupted" not in str(error):  # DuckDB's word for Ctrl-C
            raise
        console.print("stopped. Nothing is half-written; run the command again.")
        sys.exit(130)
    sys.exit(code or 0)


def _usage(error: UsageError) -> str:
    """Return what is wrong with the command as it was typed, in one line."""
    text = " ".join(error.format_message().split())
    text = re.sub(r"^Invalid value for '?([^':]+)'?: ", r"\1: ", text)
    for theirs, ours in _PLAIN.items():
        text = re.sub(theirs, ours, text)
    command = error.ctx.info_name if error.ctx and error.ctx.parent else ""
    known = f"sendwise {command}".rstrip()
    return f"{text.rstrip('.')}. See `{known} --help`."
