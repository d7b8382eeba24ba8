"""What a pipeline gives back, and how it is shown to a person or a program."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, Self

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipelines.tables import table_for

_COMMAND: Final = re.compile(r"`[^`]*`")
_LABEL: Final = re.compile(r"^([^:]*:) {2,}")  # of lines whose commands stand below each other
_TIED: Final = "\N{NO-BREAK SPACE}"
WIDEST: Final = 10_000  # columns of a file or a pipe: none of our tables has more
console = Console(stderr=True, highlight=False)  # progress and remarks; results go to stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A further table, below the first."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one pipeline run.

    `status` is `done`, or `unchanged` when the same inputs and parameters ran before.
    `data` is the machine-readable result; `columns` and `rows` are the table for people, `sheets`
    those below it.
    """

    title: str
    data: dict[str, object]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    sheets: Sequence[Sheet] = ()
    notes: Sequence[str] = ()
    status: Literal["done", "unchanged"] = "done"
    exit_code: int = field(default=0)

    def show(self, *, as_json: bool) -> None:
        """Print one line of JSON, or a table with its notes, to standard output."""
        if as_json:
            line = orjson.dumps(
                {"status": self.status, **self.data},
                default=str,
                option=orjson.OPT_SERIALIZE_NUMPY,
            )
            sys.stdout.write(line.decode() + "\n")
            return
        # Names of files and customers flow in here: nothing is read as markup.
        out = Console(highlight=False, markup=False)
        if not out.is_terminal:
            out.width = WIDEST  # what is piped is not broken at a guess of a width
        out.print(Text(self.title, style="bold"), soft_wrap=True)
        if self.columns:
            out.print(table_for(out, self.columns, self.rows))
        for sheet in self.sheets:
            out.print(Text(sheet.title, style="bold"), soft_wrap=True)
            out.print(table_for(out, sheet.columns, sheet.rows))
        for note in self.notes:
            out.print(fitted(out, note), soft_wrap=True)
        if self.status == "unchanged":
            out.print("Unchanged: the same inputs and parameters ran before; this came of it then.")


def fitted(out: Console, text: str) -> str:
    """Return a remark as lines that fit a terminal; a file or a pipe gets it as it is.

    A sentence is broken at words, but not within `a command`. What is no sentence ends in a path
    or a command, to be copied: it stays in one piece, below its label where it has one.
    """
    if not out.is_terminal or cell_len(text) <= out.width:
        return text
    if not text.rstrip().endswith("."):
        return _LABEL.sub(r"\1\n  ", text, count=1)
    tied = _COMMAND.sub(lambda command: command[0].replace(" ", _TIED), text)
    lines = textwrap.wrap(tied, out.width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_TIED, " ")


class Advance(Protocol):
    """Says that `amount` more units of work are done."""

    def __call__(self, amount: int = 1, /) -> None:
        """Move the progress bar on."""
        ...


@contextmanager
def progress_bar(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show a progress bar on standard error while the block runs; quiet where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task(what, total=total)

        def advance(amount: int = 1, /) -> None:
            bar.advance(task, amount)

        yield advance


class StepBars:
    """One progress bar after the other, for work that says its step, and what of it is done."""

    def __enter__(self) -> Self:
        self._bar = ExitStack()
        self._step, self._done = "", 0
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that so much of a step is done."""
        if step != self._step:
            self._bar.close()
            self._advance = self._bar.enter_context(progress_bar(step, total))
            self._step, self._done = step, 0
        self._advance(done - self._done)
        self._done = done
