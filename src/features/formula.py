"""Formulas over what kinds read: one tree, printed as SQL by Ibis and as one Python function.

A null in gives a null out, and so does a division by zero: as in SQL, in both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ibis

if TYPE_CHECKING:
    from features.kinds.kind import Kind

Column = Any  # an Ibis column or scalar: Ibis ships no types


class Formula:
    """A value of a customer at an instant: something read, a number, or an operation on these."""

    def __add__(self, other: Formula | float) -> Formula:
        return Operation("add", (self, formula(other)))

    def __sub__(self, other: Formula | float) -> Formula:
        return Operation("subtract", (self, formula(other)))

    def __mul__(self, other: Formula | float) -> Formula:
        return Operation("multiply", (self, formula(other)))

    def __truediv__(self, other: Formula | float) -> Formula:
        return Operation("divide", (self, formula(other)))

    def at_least(self, other: Formula | float) -> Formula:
        """Return the greater of the two."""
        return Operation("greater", (self, formula(other)))

    def or_else(self, other: Formula | float) -> Formula:
        """Return this, or the other where this is null."""
        return Operation("or_else", (self, formula(other)))

    def or_default(self, default: float | str) -> Formula:
        """Return this, or a default where this is null."""
        return Operation("or_else", (self, Constant(default)))

    def above(self, other: Formula | float) -> Formula:
        """Return 1 where this is greater than the other, else 0."""
        return Operation("above", (self, formula(other)))

    @property
    def nonzero(self) -> Formula:
        """This, or null where it is 0."""
        return Operation("nonzero", (self,))

    @property
    def root(self) -> Formula:
        """The square root; of a negative number, which only rounding makes, 0."""
        return Operation("root", (self,))


@dataclass(frozen=True, slots=True)
class Constant(Formula):
    """A number or a text."""

    value: float | str


@dataclass(frozen=True, slots=True)
class Read(Formula):
    """What a kind reads from its part: `what`, of the last `days` or of rank `place`."""

    kind: Kind
    what: str
    argument: int | None = None
    text: bool = False
    nullable: bool = True

    @property
    def part(self) -> str:
        """Name of the column that has it, or what it is made of."""
        return self.what if self.argument is None else f"{self.what}_{self.argument}"


@dataclass(frozen=True, slots=True)
class ShopMean(Formula):
    """The mean over the shop's customers: the sum of one formula over the sum of another."""

    numerator: Formula
    denominator: Formula


@dataclass(frozen=True, slots=True)
class Border(Formula):
    """The greatest value in the first `fifth` fifths of the shop's customers, nulls left out."""

    of: Formula
    fifth: int


@dataclass(frozen=True, slots=True)
class Trait(Formula):
    """A text of the customer's traits as they are today; null where it is not like the pattern."""

    name: str
    like: str  # a regular expression, of the whole text


@dataclass(frozen=True, slots=True)
class Around(Formula):
    """A column of the context table, of a place on the day of the cut-off, on the shop's clock.

    `place` is country, region and city. The row of the city wins over that of the region, and
    that over the country's; null where none of them has a value.
    """

    column: str
    text: bool
    place: tuple[Read, Read, Read]


@dataclass(frozen=True, slots=True)
class Operation(Formula):
    """An operation on formulas."""

    name: str
    of: tuple[Formula, ...]


Fact = ShopMean | Border
Outside = Trait | Around  # what no event says


def hour_of(sine: Formula, cosine: Formula) -> Formula:
    """Return the hour, 0 to below 24, of a direction; null where there is next to none."""
    return Operation("hour", (sine, cosine))


@dataclass(frozen=True, slots=True)
class _Means:
    """How an operation is written: with Ibis, and in Python over values that are not null."""

    column: Callable[..., Any]
    python: str


_NO_DIRECTION: Final = 1e-6  # a mean vector shorter than this points nowhere
_PER_RADIAN: Final = 12 / math.pi


def _hour(sine: float, cosine: float) -> float | None:
    if sine * sine + cosine * cosine < _NO_DIRECTION**2:
        return None
    hour = math.atan2(sine, cosine) * _PER_RADIAN
    return hour + 24.0 if hour < 0.0 else hour


def _hour_column(sine: Column, cosine: Column) -> Column:
    hour = sine.atan2(cosine) * _PER_RADIAN
    hour = ibis.ifelse(hour < 0.0, hour + 24.0, hour)
    return ibis.ifelse(sine * sine + cosine * cosine < _NO_DIRECTION**2, None, hour)


_OPERATIONS: Final[dict[str, _Means]] = {
    "add": _Means(lambda a, b: a + b, "{0} + {1}"),
    "subtract": _Means(lambda a, b: a - b, "{0} - {1}"),
    "multiply": _Means(lambda a, b: a * b, "{0} * {1}"),
    "divide": _Means(lambda a, b: a / b.nullif(0.0), "({0} / {1} if {1} else None)"),
    "greater": _Means(
        lambda a, b: ibis.cases((a >= b, a), (a < b, b)), "{0} if {0} >= {1} else {1}"
    ),
    "above": _Means(
        lambda a, b: ibis.cases((a > b, 1.0), (a <= b, 0.0)), "1.0 if {0} > {1} else 0.0"
    ),
    "root": _Means(
        lambda a: ibis.cases((a > 0.0, a), (a <= 0.0, 0.0)).sqrt(),
        "sqrt({0}) if {0} > 0.0 else 0.0",
    ),
    "nonzero": _Means(lambda a: a.nullif(0.0), "({0} or None)"),
    "hour": _Means(_hour_column, "hour({0}, {1})"),
    "or_else": _Means(lambda a, b: a.fill_null(b), "{0} if {0} is not None else {1}"),
}


def formula(value: Formula | float) -> Formula:
    """Return a number as a formula, a formula as it is."""
    return value if isinstance(value, Formula) else Constant(float(value))


def parts_of(tree: Formula) -> tuple[Formula, ...]:
    """Return the formulas a formula is made of."""
    match tree:
        case Operation(of=parts):
            return parts
        case ShopMean(numerator=numerator, denominator=denominator):
            return (numerator, denominator)
        case Border(of=of):
            return (of,)
        case Around(place=place):
            return place
    return ()


def leaves(tree: Formula) -> Iterator[Formula]:
    """Yield what a formula reads and needs to know besides, what is within these first."""
    for part in parts_of(tree):
        yield from leaves(part)
    if isinstance(tree, Read | Fact | Outside):
        yield tree


def column(tree: Formula, columns: Mapping[Formula, Any]) -> Column:
    """Return a formula as an Ibis column, given the columns of its leaves."""
    if tree in columns:
        return columns[tree]
    if isinstance(tree, Constant):
        return ibis.literal(tree.value)
    assert isinstance(tree, Operation)  # noqa: S101  # leaves are columns
    return _OPERATIONS[tree.name].column(*(column(part, columns) for part in tree.of))


class Printer:
    """Prints formulas as lines of Python, each value computed once."""

    def __init__(self, names: Mapping[Formula, str]) -> None:
        self.lines: list[str] = []
        self._names = dict(names)
        self._nullable = {
            name: not (isinstance(tree, Read) and not tree.nullable) for tree, name in names.items()
        }

    def name(self, tree: Formula) -> str:
        """Return the name, or the constant, that holds the value of a formula."""
        if isinstance(tree, Constant):
            return repr(tree.value)
        if tree not in self._names:
            assert isinstance(tree, Operation)  # noqa: S101  # leaves have names
            self._names[tree] = self._operation(tree)
        return self._names[tree]

    def _operation(self, tree: Operation) -> str:
        given = [self.name(part) for part in tree.of]
        if tree.name == "or_else" and not self._nullable.get(given[0]):
            return given[0]
        means, name = _OPERATIONS[tree.name], f"v{len(self.lines)}"
        value = means.python.format(*given)
        unknown = [each for each in dict.fromkeys(given) if self._nullable.get(each)]
        if tree.name == "or_else":
            self._nullable[name] = bool(self._nullable.get(given[1]))
        else:
            if unknown:
                guard = " or ".join(f"{each} is None" for each in unknown)
                value = f"None if {guard} else ({value})"
            self._nullable[name] = bool(unknown) or tree.name in ("divide", "nonzero", "hour")
        self.lines.append(f"{name} = {value}")
        return name


# What the printed lines call.
NAMES: Final[dict[str, Any]] = {"sqrt": math.sqrt, "hour": _hour}
