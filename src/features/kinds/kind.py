"""What a kind of aggregation is: a batch expression, and a state that folds, merges and is read.

A part is a kind's state of one customer: lists, dicts, numbers and texts, so that it can be
stored as it is. `read` at an instant is meant for instants after the last event folded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import ibis
from ibis import Table

from core.clock import DAY_US
from features.columns import Clock
from features.formula import Column, Read
from features.keys import Key
from features.shop import Shop

Part = Any
Keys = tuple[str, ...]  # columns that name a row
Fold = Callable[[Part, Any], None]
Reader = Callable[[Part, int], Sequence[Any]]
EXACT = "decimal(38, 20)"  # sums of these are equal in any order, which sums of floats are not
SMALL = "decimal(18, 16)"  # so are these of values below 100, and engines read and sum them faster


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows strictly before the cut-off that a query aggregates, by `keys`.

    `at` is the cut-off: a number, or a column where there are many. `events` are those the rows
    are of, None: any.
    """

    table: Table
    keys: Keys
    at: Any
    clock: Clock
    events: tuple[str, ...] | None = None

    def of(self, events: tuple[str, ...]) -> Column:
        """Say of each row whether it is one of these events."""
        return self.table.event.isin(events) if len(events) > 1 else self.table.event == events[0]

    def where(self, events: tuple[str, ...]) -> Column | None:
        """Say the same, but None where all rows are of these events."""
        all_are = self.events is not None and {*self.events} <= {*events}
        return None if all_are else self.of(events)

    def only(self, events: tuple[str, ...]) -> Table:
        """Return the rows of these events."""
        where = self.where(events)
        return self.table if where is None else self.table.filter(where)

    def since(self, days: int) -> Column:
        """Return where a window of so many days begins: at a midnight, UTC."""
        return self.at - self.at % DAY_US - days * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """Tiles of time, each beside a cut-off that it lies before: `start_us`, `end_us`, `at`."""

    table: Table
    at: Column

    def since(self, days: int) -> Column:
        """Say of each tile whether it lies in a window; windows begin where tiles do."""
        return self.table.start_us >= self.at - self.at % DAY_US - days * DAY_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a customer's parts are made of when they move on from one cut-off to the next.

    `old` are the parts as of the one before, `came` those of what has happened since, as of the
    next: of flat kinds the columns of `tile`, and those of what has left a window, named
    `left(name, days)`. All are null for who had none. `days` lie between the cut-offs.
    """

    old: Mapping[str, Column]
    came: Mapping[str, Column]
    days: float


def left(name: str, days: int) -> str:
    """Name the column of a tile's part of what has left a window of so many days."""
    return f"{name}_left_{days}"


def named(number: int, parts: Mapping[str, Column]) -> dict[str, Column]:
    """Name columns after the number of their kind, so that all kinds fit into one table."""
    return {f"k{number}_{name}": part for name, part in parts.items()}


def parts_of(table: Table, number: int, mark: str = "") -> dict[str, Column]:
    """Return the columns of `named`, by their names before that; `mark` stands before them."""
    start = f"{mark}k{number}_"
    return {
        name.removeprefix(start): table[name] for name in table.columns if name.startswith(start)
    }


def only(where: Column, value: Column) -> Column:
    """Return a value where a condition holds, else null: engines compute it for those rows only.

    Without a condition it is the value everywhere. The condition of an aggregate is looked at when
    its argument has been computed for all rows.
    """
    return value if where is None else ibis.cases((where, value))


class Kind(ABC):
    """A kind of aggregation over some `events`: a frozen dataclass, so that equal ones are one.

    `source` says what a fold is given: an event, or each of its lines. How the batch makes the
    parts is said by the classes below: `Flat`, `Tabled`, `Brief` and `Keyed`.
    """

    source: ClassVar[Literal["events", "items"]] = "events"
    in_order: ClassVar[bool] = False  # a very late event asks for a replay
    events: tuple[str, ...]  # names of those that count

    def reach(self, read: Read) -> int | None:
        """Return how many days before the cut-off a read looks, None: over all of them."""
        del read
        return getattr(self, "days", None)

    @abstractmethod
    def init(self) -> Part:
        """Return the part of somebody without events."""

    @abstractmethod
    def folder(self, shop: Shop) -> Fold:
        """Return the function that adds one event, or one line, to a part."""

    @abstractmethod
    def merge(self, part: Part, other: Part) -> None:
        """Add the events behind `other` to `part`."""

    @abstractmethod
    def reader(self, reads: Sequence[Read]) -> Reader:
        """Return the function that reads these values from a part at an instant."""

    def packed(self, part: Part) -> Part:
        """Return a part as it is stored: smaller, if there is a way."""
        return part

    def unpacked(self, stored: Part) -> Part:
        """Return the part of `packed`."""
        return stored

    @abstractmethod
    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Return the parts as of the next cut-off."""

    def value(self, read: Read, parts: Mapping[str, Column], at: Column) -> Column:
        """Return a read, made of the parts of a customer, as of the cut-off."""
        del at
        return parts[read.part]


class Flat(Kind):
    """A kind whose parts are aggregates over rows: those over the same events are one grouping."""

    @abstractmethod
    def parts(self, rows: Rows, reads: Sequence[Read]) -> dict[str, Column]:
        """Return what reads are made of, as aggregates over rows."""

    @abstractmethod
    def tile(self, rows: Rows) -> dict[str, Column]:
        """Return aggregates over the rows of a tile, as of its end, `rows.at`."""

    @abstractmethod
    def gather(
        self, tiles: Tiles, tile: Mapping[str, Column], reads: Sequence[Read]
    ) -> dict[str, Column]:
        """Return `parts` as aggregates over the tiles before a cut-off.

        `tile` holds the columns of `tile`, by their names there.
        """


class Tabled(Kind):
    """A kind with a table of its own."""

    @abstractmethod
    def table(self, events: Rows, items: Rows, reads: Sequence[Read]) -> Table:
        """Return a table of the keys and the parts."""


class Brief(Tabled):
    """A kind that is made anew from its short window, not moved on."""

    def advance(self, move: Move, reads: Sequence[Read]) -> dict[str, Column]:
        """Return the parts as they were made anew."""
        return dict(move.came)


class Keyed(Kind):
    """A kind with a table of its own, made of the weight of each pair of customer and key.

    Kinds whose `weighing` is equal give the same weight to the same rows.
    """

    key: Key
    weighing: Hashable

    @abstractmethod
    def weight(self, rows: Rows) -> Column:
        """Return what each row counts, as of the cut-off."""

    @abstractmethod
    def faded(self, weight: Column, since: Column, at_us: int) -> Column:
        """Return what is left at a cut-off of weights as of instants before it."""

    @abstractmethod
    def ranked(self, pairs: Table, keys: Keys, reads: Sequence[Read]) -> Table:
        """Return a table of the columns `keys` and the parts, with codes in place of texts.

        `pairs` have the columns `keys`, a `code` and a `weight`; codes are in order of their keys.
        """
